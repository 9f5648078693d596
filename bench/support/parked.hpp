// SPDX-License-Identifier: BSL-1.0
// The question of bench/depth.cpp, the same for all sides: how many are parked, below how many calls, and what an
// ordinary call keeps on its frame.
#pragma once

#include "report.hpp"
#include "resident.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace bench {

inline constexpr std::array<long, 3> parked_below{1, 10, 50};
inline constexpr long parked = 10'000;  // at each depth

// What a function has before a call and needs after it: 128 bytes.
class locals {
 public:
  explicit locals(long first) noexcept {
    for (long& value : values_) value = first++;
    asm volatile("" : : "r"(values_.data()) : "memory");  // who knows what is in there now: it cannot be computed again
  }
  [[nodiscard]] long sum() const noexcept {
    long all = 0;
    for (const long value : values_) all += value;
    return all;
  }

 private:
  std::array<long, 16> values_;
};

// The sum over all who were parked, as each adds up the locals of its calls.
constexpr long expected_sum() {
  long sum = 0;
  for (const long depth : parked_below) {
    for (long first = 1; first <= depth; ++first) sum += 16 * first + 120;
  }
  return sum * parked;
}

// By how much this process grows while so many are parked below `depth` calls. Nobody is let go between one depth and the
// next, which would find the memory that the last ones gave back.
class growth {
 public:
  void report(std::string_view side, long depth) const {
    bench::report("memory/below/" + std::to_string(depth), side, "B",
                  {static_cast<double>(resident() - before_) / static_cast<double>(parked)});
  }

 private:
  long before_ = resident();
};

}  // namespace bench
