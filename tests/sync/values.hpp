// SPDX-License-Identifier: BSL-1.0
// Values for channels to carry that notice what is done to them.
#pragma once

#include <atomic>
#include <memory>
#include <stdexcept>
#include <utility>

namespace weft::test {

// Only moved, and empty afterwards. Counts those that are not empty: a value that is lost or doubled shows.
class token {
 public:
  explicit token(int n) noexcept : number_(n) { live.fetch_add(1, std::memory_order_relaxed); }
  token(token&& other) noexcept : number_(std::exchange(other.number_, 0)) {}
  token& operator=(token&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~token() {
    if (number_) live.fetch_sub(1, std::memory_order_relaxed);
  }
  // 0: empty.
  [[nodiscard]] int number() const noexcept { return number_; }

  static inline std::atomic<long> live{0};

 private:
  int number_;
};

// The same, but its move may throw as far as the compiler knows; a channel keeps such values in boxes.
class clumsy_token : public token {
 public:
  using token::token;
  clumsy_token(clumsy_token&& other) noexcept(false) : token(std::move(other)) {}
  clumsy_token& operator=(clumsy_token&& other) noexcept(false) {
    token::operator=(std::move(other));
    return *this;
  }
};

// Moving it throws after so many moves; can be copied if `Copyable`.
template <bool Copyable> class fragile {
 public:
  explicit fragile(int n) : number(n) {}
  fragile(const fragile& other) requires Copyable : number(other.number) { wear(); }
  fragile(fragile&& other) noexcept(false) : number(other.number) {
    wear();
    other.number = 0;
  }
  fragile& operator=(fragile&& other) {
    wear();
    number = std::exchange(other.number, 0);
    return *this;
  }

  int number;
  static inline int moves_left = 1'000'000;

 private:
  static void wear() {
    if (moves_left-- == 0) throw std::runtime_error("broken");
  }
};

}  // namespace weft::test
