// SPDX-License-Identifier: BSL-1.0
// mutex: like std::timed_mutex, for fibers, plain threads and tasks; std::lock_guard, unique_lock and scoped_lock apply.
//
// Policy: unlock() wakes the waiter that came first and leaves the mutex open meanwhile, so that whoever is running may
// have it at once (measured against handing it over each time: see docs/waiting.md). A waiter that has come too late for
// that a few times is handed the mutex, so nobody starves: it is overtaken at most as often.
//
// A word: who holds it, if anybody, by the address of his block; and whether a waiter that was woken is on its way, so
// that meanwhile nobody else has to be woken.
#pragma once

#include <cstdint>
#include <weft/base/deadline.hpp>
#include <weft/detail/sched/running_fiber.hpp>
#include <weft/detail/sync/lock_operation.hpp>

namespace weft {

// Between fibers, plain threads and tasks in any mix. A fiber or task that holds it may park and migrate. On a task use
// the async_ functions: lock() blocks its worker. Nothing here is a cancellation point.
//
// May be destroyed as soon as nobody holds it or waits for it; also by whoever was the last to unlock it, or has locked
// it behind him. To destroy it while somebody waits ends the process.
class mutex {
 public:
  constexpr mutex() noexcept = default;
  ~mutex() { lot_.verify_empty("weft: a mutex was destroyed while somebody waits for it"); }

  // Parks a fiber, blocks a plain thread, until it is free. resource_deadlock_would_occur if the caller holds it;
  // bad_alloc on a thread's very first wait.
  void lock() {
    const std::uint64_t me = detail::running_fiber_id();
    detail::parking_lot::word free = 0;
    if (!me || !lot_.try_change(free, me)) [[unlikely]]
      lock_slowly();
  }
  // Never parks. False also if the caller holds it.
  [[nodiscard]] bool try_lock() {
    const std::uint64_t me = detail::running_fiber_id();
    detail::parking_lot::word free = 0;
    return (me && lot_.try_change(free, me)) || try_lock_slowly();
  }
  // False: it was not free by then. Else like lock(). A free one is locked also when the deadline has passed.
  [[nodiscard]] bool try_lock_until(deadline until);
  [[nodiscard]] bool try_lock_for(deadline from_now) { return try_lock_until(from_now); }
  // Never parks. operation_not_permitted if the caller does not hold it.
  void unlock() {
    const std::uint64_t me = detail::running_fiber_id();
    detail::parking_lot::word mine = me;
    if (!me || !lot_.try_change(mine, 0)) [[unlikely]]
      unlock_slowly();
  }

  // co_await: the same for tasks. What it has locked may be given to a std::unique_lock, with std::adopt_lock.
  [[nodiscard]] auto async_lock() noexcept { return detail::lock_operation(lot_, locking_); }
  [[nodiscard]] auto async_try_lock_until(deadline until) noexcept {
    return detail::timed_lock_operation(lot_, locking_, until);
  }

  // Whether the caller holds it: the fiber, the task, or else the thread.
  [[nodiscard]] bool is_mine() const;

 private:
  friend struct detail::lot_access;
  friend class condition_variable;
  static constexpr detail::parking_lot::word woken = 1 << 2, holder = ~detail::parking_lot::word{63};
  static const detail::lot_rule locking_;

  static detail::entry enter(detail::parking_lot& lot, detail::parking_lot::word& state, detail::wait_node& who,
                             bool again, detail::wake_list&) noexcept;
  [[gnu::cold]] void lock_slowly();
  [[gnu::cold]] bool try_lock_slowly();
  [[gnu::cold]] void unlock_slowly();
  [[nodiscard]] bool take_over(std::uint64_t me) noexcept;

  detail::parking_lot lot_;
};

static_assert(sizeof(mutex) == 16);

}  // namespace weft
