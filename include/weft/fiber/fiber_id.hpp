// SPDX-License-Identifier: BSL-1.0
// What tells fibers apart: unique in the process, never used again, zero for "no fiber".
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <ostream>

namespace weft {

class fiber_id {
 public:
  constexpr fiber_id() noexcept = default;
  constexpr explicit fiber_id(std::uint64_t number) noexcept : number_(number) {}
  [[nodiscard]] constexpr std::uint64_t number() const noexcept { return number_; }
  friend constexpr auto operator<=>(fiber_id, fiber_id) noexcept = default;
  friend std::ostream& operator<<(std::ostream& out, fiber_id id) { return out << id.number_; }

 private:
  std::uint64_t number_ = 0;
};

}  // namespace weft

template <> struct std::hash<weft::fiber_id> {
  std::size_t operator()(weft::fiber_id id) const noexcept { return std::hash<std::uint64_t>{}(id.number()); }
};
