// SPDX-License-Identifier: BSL-1.0
// A million deadlines that never come: how far off each is, and in which order they are cancelled. The same for all sides.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <numeric>
#include <random>
#include <vector>

namespace bench {

struct deadline_plan {
  static constexpr std::size_t count = 1'000'000;

  deadline_plan() {
    std::mt19937_64 random(1);
    std::uniform_int_distribution<long> seconds_off(10'000'000'000, 120'000'000'000);  // timeouts as servers have them
    for (auto& d : delay) d = std::chrono::nanoseconds(seconds_off(random));
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin(), order.end(), random);
  }

  std::vector<std::chrono::nanoseconds> delay = std::vector<std::chrono::nanoseconds>(count);
  std::vector<std::size_t> order = std::vector<std::size_t>(count);
};

}  // namespace bench
