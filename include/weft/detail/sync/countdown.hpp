// SPDX-License-Identifier: BSL-1.0
// A count, and those who wait until it is zero: what a latch and a wait group have in common.
#pragma once

#include <cstddef>
#include <limits>
#include <weft/detail/sync/lot_rule.hpp>

namespace weft::detail {

class countdown {
 public:
  static constexpr std::ptrdiff_t max() noexcept { return std::numeric_limits<std::ptrdiff_t>::max() >> shift; }

  explicit constexpr countdown(std::ptrdiff_t from = 0) noexcept : lot_(word_of(from)) {}

  // By `by`, which may be negative; at zero everybody is woken. False: it would fall below zero or rise above max(), and
  // nothing has changed. Never parks.
  [[nodiscard]] bool add(std::ptrdiff_t by) noexcept {
    auto seen = lot_.guess();
    do {
      std::ptrdiff_t to = 0;
      if (__builtin_add_overflow(count_of(seen), by, &to) || to < 0 || to > max()) return false;
      const bool wakes = to == 0 && (seen & parking_lot::waited_for);
      if ((seen & parking_lot::locked) || wakes) [[unlikely]]
        return add_slowly(by);
      if (lot_.try_change(seen, word_of(to) | (seen & parking_lot::waited_for))) [[likely]]
        return true;
    } while (true);
  }
  [[nodiscard]] std::ptrdiff_t count() const noexcept { return count_of(lot_.look()); }
  [[nodiscard]] parking_lot& lot() noexcept { return lot_; }
  [[nodiscard]] const parking_lot& lot() const noexcept { return lot_; }

  // What a rule is made of. Waits until it is zero.
  static entry enter(parking_lot& lot, parking_lot::word& state, wait_node& who, bool again, wake_list& woken) noexcept;
  // First takes away as much as the note says. Refuses if that is more than there is.
  static entry arrive(parking_lot& lot, parking_lot::word& state, wait_node& who, bool again,
                      wake_list& woken) noexcept;
  // Puts it back, unless everybody is let through already.
  static bool withdraw(parking_lot& lot, parking_lot::word& state, wait_node& who, wake_list& woken) noexcept;

 private:
  static constexpr unsigned shift = 2;
  static constexpr parking_lot::word word_of(std::ptrdiff_t count) noexcept {
    return parking_lot::word(count) << shift;
  }
  static constexpr std::ptrdiff_t count_of(parking_lot::word state) noexcept { return std::ptrdiff_t(state >> shift); }

  [[nodiscard]] bool add_slowly(std::ptrdiff_t by) noexcept;

  parking_lot lot_;
};

}  // namespace weft::detail
