// SPDX-License-Identifier: BSL-1.0
// event: a door that is open or shut. While it is open everybody passes; like asyncio's Event.
#pragma once

#include <weft/base/deadline.hpp>
#include <weft/detail/sync/lot_operation.hpp>

namespace weft {

// Between fibers, plain threads and tasks in any mix; on a task use the async_ functions, since the others block its
// worker. What was done before set() is seen behind the wait that it ended.
//
// May be destroyed as soon as nobody waits; also by whoever was woken by set(), which does not touch it any more. To
// destroy it while somebody waits ends the process.
class event {
 public:
  constexpr explicit event(bool is_set = false) noexcept : lot_(is_set ? set_bit : 0) {}
  ~event() { lot_.verify_empty("weft: an event was destroyed while somebody waits for it"); }

  // Wakes all that wait, and lets pass who comes. Never parks. Anybody.
  void set() noexcept {
    auto seen = lot_.guess();
    // An exchange even if it is set: who passes afterwards sees what was done before this set(), too.
    if ((seen & detail::parking_lot::flags) || !lot_.try_change(seen, set_bit)) [[unlikely]]
      set_slowly();
  }
  // From now on waits wait; who was woken by set() still passes. Never parks. Anybody.
  void reset() noexcept;
  [[nodiscard]] bool is_set() const noexcept { return lot_.look() & set_bit; }

  // Until it is set. Parks a fiber, blocks a plain thread. A cancellation point: throws `cancelled`.
  void wait() { (void)wait_until(never); }
  // False: it was not set by then. Else like wait(). One that is set is waited for successfully also in the past.
  [[nodiscard]] bool wait_until(deadline until);
  [[nodiscard]] bool wait_for(deadline from_now) { return wait_until(from_now); }

  // co_await: the same for tasks.
  [[nodiscard]] auto async_wait() noexcept { return detail::lot_wait_operation(lot_, waiting_); }
  [[nodiscard]] auto async_wait_until(deadline until) noexcept {
    return detail::lot_timed_operation(lot_, waiting_, until);
  }

 private:
  friend struct detail::lot_access;
  static constexpr detail::parking_lot::word set_bit = 1 << 2;
  static const detail::lot_rule waiting_;

  void set_slowly() noexcept;

  detail::parking_lot lot_;
};

static_assert(sizeof(event) == 16);

}  // namespace weft
