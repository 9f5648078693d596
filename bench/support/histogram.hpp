// SPDX-License-Identifier: BSL-1.0
// Counts of durations, to 3 % of each: 32 steps in each power of two.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace bench {

class histogram {
 public:
  void add(std::uint64_t value) noexcept {
    ++counts_[place(value)];
    ++total_;
  }
  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }

  // The lower end of the step in which the value of that rank lies; `part` from 0 to 1.
  [[nodiscard]] std::uint64_t quantile(double part) const noexcept {
    const auto rank = static_cast<std::uint64_t>(part * static_cast<double>(total_));
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      below += counts_[i];
      if (below > rank) return lower_end(i);
    }
    return 0;
  }

 private:
  static constexpr unsigned step_bits = 5;
  static constexpr std::size_t steps = 1U << step_bits;

  static std::size_t place(std::uint64_t value) noexcept {
    if (value < steps) return static_cast<std::size_t>(value);
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - step_bits;
    return (shift + 1) * steps + (static_cast<std::size_t>(value >> shift) - steps);
  }
  static std::uint64_t lower_end(std::size_t place) noexcept {
    if (place < steps) return place;
    return (steps + place % steps) << (place / steps - 1);
  }

  std::array<std::uint64_t, (64 - step_bits + 1) * steps> counts_{};
  std::uint64_t total_ = 0;
};

}  // namespace bench
