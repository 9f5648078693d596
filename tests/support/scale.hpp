// SPDX-License-Identifier: BSL-1.0
// How much a test does: one place that knows how slow the build and the machine are.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>

// The only place in the tests that asks the compiler which sanitizer is on.
#if defined(__SANITIZE_THREAD__)
#define WEFT_TEST_TSAN 1
#elif defined(__SANITIZE_ADDRESS__)
#define WEFT_TEST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEFT_TEST_TSAN 1
#elif __has_feature(address_sanitizer)
#define WEFT_TEST_ASAN 1
#endif
#endif

namespace weft::test {

enum class sanitizer { none, address, thread };

#if defined(WEFT_TEST_TSAN)
inline constexpr sanitizer active_sanitizer = sanitizer::thread;
#elif defined(WEFT_TEST_ASAN)
inline constexpr sanitizer active_sanitizer = sanitizer::address;
#else
inline constexpr sanitizer active_sanitizer = sanitizer::none;
#endif

// A positive number from the environment, else `otherwise`.
inline std::size_t from_environment(const char* name, std::size_t otherwise) {
  const char* text = std::getenv(name);
  const long long value = text != nullptr ? std::strtoll(text, nullptr, 10) : 0;
  return value > 0 ? static_cast<std::size_t>(value) : otherwise;
}

// How often to repeat what a native release build repeats `n` times: a tenth under ASan, a twentieth under TSan, and
// divided by WEFT_TEST_SCALE if that is set (the legs in emulation set it). Never less than `at_least`.
inline std::size_t scaled(std::size_t n, std::size_t at_least = 2) {
  constexpr std::size_t slowness[] = {1, 10, 20};  // in the order of `sanitizer`
  const std::size_t divisor = slowness[std::size_t(active_sanitizer)] * from_environment("WEFT_TEST_SCALE", 1);
  return std::max(n / divisor, std::min(n, at_least));
}

// How many fibers may be alive at once: TSan knows 8,128 at most, ASan adds a fake stack and shadow to each.
inline std::size_t max_live_fibers() {
  constexpr std::size_t most[] = {1'000'000, 20'000, 2'000};
  return std::max<std::size_t>(most[std::size_t(active_sanitizer)] / from_environment("WEFT_TEST_SCALE", 1), 16);
}

// The worker count that ./dev hands to this run of the tests.
inline unsigned workers() { return static_cast<unsigned>(from_environment("WEFT_WORKERS", 2)); }

}  // namespace weft::test
