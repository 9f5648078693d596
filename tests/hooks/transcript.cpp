// SPDX-License-Identifier: BSL-1.0
#include "hooks/transcript.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace weft::test {
namespace {

constexpr int untouched = 4242;  // no errno

// Of the thread that the caller is on now. Out of line, or the compiler remembers where errno was before a movable fiber
// waited for something else than a hooked call.
[[gnu::noinline]] void set_errno(int value) noexcept {
  asm volatile("" ::: "memory");  // a function that is not known to be pure
  errno = value;
}

[[gnu::noinline]] int get_errno() noexcept {
  asm volatile("" ::: "memory");
  return errno;
}

}  // namespace

void transcript::begin(const char* name) {
  called_.insert(name);
  set_errno(untouched);
  call_.store(++calls_, std::memory_order_release);
}

void transcript::end(const char* name, const char* result) { add(name, result, get_errno()); }

void transcript::end(const char* name, long long result, bool is_number) {
  const int error = get_errno();
  add(name, is_number || result < 0 ? std::to_string(result) : "a descriptor", error);
}

void transcript::add(const char* name, std::string_view result, int error) {
  call_.store(0, std::memory_order_release);
  std::string line = name;
  line += " = ";
  line += result;
  if (error != untouched) {
    line += ' ';
    line += strerrorname_np(error) ? strerrorname_np(error) : std::to_string(error);
  }
  lines_.push_back(std::move(line));
}

void transcript::differs(std::string_view difference, std::string_view there, std::string_view here) {
  REQUIRE(!lines_.empty());
  CHECK(lines_.back() == (on_fiber_ ? here : there));
  lines_.back() = "differs: ";
  lines_.back() += difference;
}

}  // namespace weft::test
