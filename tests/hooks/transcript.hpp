// SPDX-License-Identifier: BSL-1.0
// What one actor of a scenario did and saw: a line for each call of libc, the same wherever it was made.
#pragma once

#include <atomic>
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
  template <class Make> auto call(const char* name, Make&& make, bool is_number = true) {
    begin(name);
    const auto result = make();
    if constexpr (std::is_pointer_v<std::decay_t<decltype(result)>>)
      end(name, result ? "something" : "null");
    else
      end(name, static_cast<long long>(result), is_number);
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
  // Around a call. What ends it reads errno first.
  void begin(const char* name);
  void end(const char* name, const char* result);
  void end(const char* name, long long result, bool is_number);
  void add(const char* name, std::string_view result, int error);

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
