// SPDX-License-Identifier: BSL-1.0
// What one actor of a scenario did and saw: a line for each call of libc, the same wherever it was made.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace weft::test {

class transcript {
 public:
  explicit transcript(bool on_fiber) : on_fiber_(on_fiber) {}
  transcript(const transcript&) = delete;
  transcript& operator=(const transcript&) = delete;

  // Notes "name = result", with the error if that is -1; also when a call that succeeded changed errno.
  template <class Make> auto call(const char* name, Make&& make) {
    called_.insert(name);
    errno = untouched;
    is_in_call.store(true, std::memory_order_release);
    const auto result = make();
    const int error = errno;
    is_in_call.store(false, std::memory_order_release);
    std::string line = name;
    line += " = ";
    if constexpr (std::is_pointer_v<std::decay_t<decltype(result)>>)
      line += result ? "something" : "null";
    else
      line += std::to_string(result);
    if (error != untouched) {
      line += ' ';
      line += strerrorname_np(error) ? strerrorname_np(error) : std::to_string(error);
    }
    lines_.push_back(std::move(line));
    return result;
  }

  void note(std::string line) { lines_.push_back(std::move(line)); }

  // The last line is one that differs, by one of the differences that docs/hooks.md names: it must be `there` on a thread
  // and `here` on a fiber.
  void differs(std::string_view difference, std::string_view there, std::string_view here);

  [[nodiscard]] bool on_fiber() const noexcept { return on_fiber_; }
  [[nodiscard]] const std::vector<std::string>& lines() const noexcept { return lines_; }
  [[nodiscard]] const std::set<std::string>& called() const noexcept { return called_; }

  std::atomic<bool> is_in_call{false};

 private:
  static constexpr int untouched = 4242;  // no errno

  const bool on_fiber_;
  std::vector<std::string> lines_;
  std::set<std::string> called_;
};

}  // namespace weft::test

// Calls a function of libc and notes it under its name.
#define WEFT_CALL(says, function, ...) (says).call(#function, [&] { return ::function(__VA_ARGS__); })
