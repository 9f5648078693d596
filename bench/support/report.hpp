// SPDX-License-Identifier: BSL-1.0
// How a bench measures and what it says: bench/run gathers the lines of all programs and does the statistics.
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string_view>
#include <vector>

namespace bench {

// How often each side is measured within one run of a program; the sides alternate.
inline constexpr int repeats = 5;

class stopwatch {
 public:
  [[nodiscard]] double nanoseconds() const {
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start_).count();
  }
  [[nodiscard]] double seconds() const { return nanoseconds() / 1e9; }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// CPU seconds that all threads of this process have used.
inline double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

// One line: MEASURE SIDE UNIT VALUE...
inline void report(std::string_view measure, std::string_view side, std::string_view unit,
                   const std::vector<double>& values) {
  std::printf("%.*s %.*s %.*s", static_cast<int>(measure.size()), measure.data(), static_cast<int>(side.size()),
              side.data(), static_cast<int>(unit.size()), unit.data());
  for (const double value : values) std::printf(" %.4f", value);
  std::printf("\n");
  std::fflush(stdout);
}

// A bench that did less than it says has no figure.
inline void expect(bool right, std::string_view what) {
  if (right) return;
  std::fprintf(stderr, "not measured: %.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(1);
}

}  // namespace bench
