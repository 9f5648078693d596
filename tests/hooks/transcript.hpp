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

// Of the thread that the caller is on now. Out of line, or the compiler remembers where errno was before a movable fiber
// waited for something else than a hooked call.
void set_errno(int value) noexcept;
[[nodiscard]] int get_errno() noexcept;

class transcript {
 public:
  explicit transcript(bool on_fiber) : on_fiber_(on_fiber) {}
  transcript(const transcript&) = delete;
  transcript& operator=(const transcript&) = delete;

  // Notes "name = result", with the error if that is -1; also when a call that succeeded changed errno.
  template <class Make> auto call(const char* name, Make&& make, bool is_number = true) {
    called_.insert(name);
    set_errno(untouched);
    call_.store(++calls_, std::memory_order_release);
    const auto result = make();
    const int error = get_errno();
    call_.store(0, std::memory_order_release);
    std::string line = name;
    line += " = ";
    if constexpr (std::is_pointer_v<std::decay_t<decltype(result)>>)
      line += result ? "something" : "null";
    else
      line += is_number || result < 0 ? std::to_string(result) : "a descriptor";
    if (error != untouched) {
      line += ' ';
      line += strerrorname_np(error) ? strerrorname_np(error) : std::to_string(error);
    }
    lines_.push_back(std::move(line));
    return result;
  }

  // For the last line, whose details vary.
  void instead(std::string line) { lines_.back() = std::move(line); }

  void note(std::string line) { lines_.push_back(std::move(line)); }

  // The last line is one that differs, by one of the differences that docs/hooks.md names: it must be `there` on a thread
  // and `here` on a fiber.
  void differs(std::string_view difference, std::string_view there, std::string_view here);

  [[nodiscard]] bool on_fiber() const noexcept { return on_fiber_; }
  [[nodiscard]] const std::vector<std::string>& lines() const noexcept { return lines_; }
  [[nodiscard]] const std::set<std::string>& called() const noexcept { return called_; }

  // Which call it is in, from 1; 0: none. Any thread.
  [[nodiscard]] unsigned call_now() const noexcept { return call_.load(std::memory_order_acquire); }

 private:
  static constexpr int untouched = 4242;  // no errno

  const bool on_fiber_;
  unsigned calls_ = 0;
  std::atomic<unsigned> call_{0};
  std::vector<std::string> lines_;
  std::set<std::string> called_;
};

}  // namespace weft::test

// Calls a function of libc and notes it under its name.
#define WEFT_CALL(says, function, ...) (says).call(#function, [&] { return ::function(__VA_ARGS__); })
// The same for one that returns a descriptor, which is not the same everywhere.
#define WEFT_OPEN(says, function, ...) \
  (says).call(                         \
      #function, [&] { return ::function(__VA_ARGS__); }, false)
