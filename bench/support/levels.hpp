// SPDX-License-Identifier: BSL-1.0
// The question of bench/deep.cpp, the same for all sides: how deep, how often, and what a level costs.
#pragma once

#include "report.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

inline constexpr std::array<long, 3> depths{1, 10, 100};
inline constexpr long descents = 20'000;  // of each of two flows, which take turns at the bottom
inline constexpr long handed_up = 200'000;

// What was computed is needed: a call above it cannot become a loop.
[[gnu::always_inline]] inline long keep(long value) noexcept {
  asm volatile("" : "+r"(value));
  return value;
}

// Measures `once(depth)`, in nanoseconds, for each depth; reports that and what a level more costs.
template <class F> void each_depth(std::string_view measure, std::string_view side, F once) {
  std::array<std::vector<double>, depths.size()> values;
  std::vector<double> level;
  for (int i = 0; i < repeats; ++i) {
    for (std::size_t d = 0; d < depths.size(); ++d) values[d].push_back(once(depths[d]));
    level.push_back((values.back().back() - values.front().back()) /
                    static_cast<double>(depths.back() - depths.front()));
  }
  const std::string name(measure);
  for (std::size_t d = 0; d < depths.size(); ++d) report(name + "/" + std::to_string(depths[d]), side, "ns", values[d]);
  report(name + "/level", side, "ns", level);
}

}  // namespace bench
