// SPDX-License-Identifier: BSL-1.0
// A deadline is a point on the steady clock up to which somebody is ready to wait; `never` is the one that does not come.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace weft {

class deadline {
 public:
  using clock = std::chrono::steady_clock;

  // Never passes.
  constexpr deadline() noexcept = default;

  // From now on. Zero and negative durations give a deadline in the past; too long ones saturate to `never`.
  // In a constant expression only the past and `never` can be made, since there is no clock.
  template <class Rep, class Period>
  constexpr deadline(
      std::chrono::duration<Rep, Period> from_now)  // NOLINT(google-explicit-constructor): part of the API
      : at_(from_now <= from_now.zero() ? past : add(read_clock(), nanoseconds(from_now))) {}

  // A point on the steady clock.
  template <class Duration>
  constexpr deadline(std::chrono::time_point<std::chrono::steady_clock, Duration> at) noexcept  // NOLINT
      : at_(nanoseconds(at.time_since_epoch())) {}

  // A point on the system clock, converted now: later adjustments of that clock are not followed.
  template <class Duration>
  deadline(std::chrono::time_point<std::chrono::system_clock, Duration> at)  // NOLINT
      : at_(from_system(nanoseconds(at.time_since_epoch()))) {}

  // The steady clock's nanoseconds, the form that timers keep. `limit` stands for never.
  static constexpr deadline from_nanoseconds(std::int64_t steady) noexcept {
    deadline d;
    d.at_ = steady;
    return d;
  }
  [[nodiscard]] constexpr std::int64_t to_nanoseconds() const noexcept { return at_; }

  [[nodiscard]] constexpr bool is_never() const noexcept { return at_ == limit; }
  [[nodiscard]] bool passed() const noexcept { return !is_never() && at_ <= read_clock(); }
  // Zero once it has passed; nanoseconds::max() for never.
  [[nodiscard]] std::chrono::nanoseconds remaining() const noexcept {
    if (is_never()) return std::chrono::nanoseconds::max();
    const std::int64_t left = saturating_minus(at_, read_clock());
    return std::chrono::nanoseconds(left > 0 ? left : 0);
  }
  [[nodiscard]] constexpr clock::time_point time_point() const noexcept {
    return clock::time_point(std::chrono::duration_cast<clock::duration>(std::chrono::nanoseconds(at_)));
  }

  friend constexpr auto operator<=>(deadline, deadline) noexcept = default;

  static constexpr std::int64_t limit = std::numeric_limits<std::int64_t>::max();

 private:
  static constexpr std::int64_t past = std::numeric_limits<std::int64_t>::min();

  static std::int64_t read_clock() noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(clock::now().time_since_epoch()).count();
  }
  static std::int64_t from_system(std::int64_t at) noexcept {
    if (at == limit || at == past) return at;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return add(read_clock(), saturating_minus(at, std::chrono::nanoseconds(now).count()));
  }
  static constexpr std::int64_t add(std::int64_t a, std::int64_t b) noexcept {
    std::int64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? (b > 0 ? limit : past) : sum;
  }
  static constexpr std::int64_t saturating_minus(std::int64_t a, std::int64_t b) noexcept {
    std::int64_t difference = 0;
    return __builtin_sub_overflow(a, b, &difference) ? (a > b ? limit : past) : difference;
  }
  // Any duration in nanoseconds, rounded up (a wait is never early) and saturated.
  template <class Rep, class Period>
  static constexpr std::int64_t nanoseconds(std::chrono::duration<Rep, Period> d) noexcept {
    using wide = std::chrono::duration<long double, std::nano>;
    const auto approximate = std::chrono::duration_cast<wide>(d).count();
    if (!(approximate < static_cast<long double>(limit))) return limit;
    if (!(approximate > static_cast<long double>(past))) return past;
    return std::chrono::ceil<std::chrono::nanoseconds>(d).count();
  }

  std::int64_t at_ = limit;
};

inline constexpr deadline never{};

}  // namespace weft
