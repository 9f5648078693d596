// SPDX-License-Identifier: BSL-1.0
// libc's times as deadlines.
#pragma once

#include <time.h>

#include <chrono>
#include <cstdint>
#include <weft/base/deadline.hpp>

namespace weft::detail {

inline constexpr std::int64_t one_second = 1'000'000'000;  // ns

[[nodiscard]] constexpr bool is_valid(const timespec& t) noexcept {
  return t.tv_sec >= 0 && t.tv_nsec >= 0 && t.tv_nsec < one_second;
}

// Saturates: a longer one never ends.
[[nodiscard]] constexpr std::int64_t nanoseconds_of(const timespec& t) noexcept {
  return t.tv_sec < deadline::limit / one_second - 1 ? t.tv_sec * one_second + t.tv_nsec : deadline::limit;
}

[[nodiscard]] constexpr timespec timespec_of(std::chrono::nanoseconds t) noexcept {
  return {static_cast<time_t>(t.count() / one_second), static_cast<long>(t.count() % one_second)};
}

[[nodiscard]] inline deadline from_now(const timespec& t) noexcept {
  const std::int64_t length = nanoseconds_of(t);
  return length == deadline::limit ? never : deadline(std::chrono::nanoseconds(length));
}

// Whether a call with this timeout never waits: because there is no time, or because it is refused.
[[nodiscard]] constexpr bool only_looks(const timespec* timeout) noexcept {
  return timeout && (!is_valid(*timeout) || (timeout->tv_sec == 0 && timeout->tv_nsec == 0));
}

}  // namespace weft::detail
