// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <ctime>

namespace weft::test {

// Uses a processor for so long, however many others want it.
inline void keep_busy(std::chrono::nanoseconds time) {
  const auto used = [] {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
  };
  for (const auto end = used() + time; used() < end;) {
  }
}

}  // namespace weft::test
