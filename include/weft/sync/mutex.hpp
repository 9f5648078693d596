// SPDX-License-Identifier: BSL-1.0
// mutex: like std::timed_mutex, for fibers, plain threads and tasks; std::lock_guard, unique_lock and scoped_lock apply.
//
// Policy: unlock() wakes the waiter that came first and leaves the mutex open meanwhile, so that whoever runs may have it
// at once; while that waiter is on his way nobody else is woken. A waiter that has come too late 16 times is handed the
// mutex: nobody starves. (Measured, 100 fibers on 2 workers, CPU of a pair: 23 ns; handed over each time: 134.)
//
// The state is who holds it, by the address of his block, and whether a waiter that was woken is on his way.
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
    detail::parking_lot::word seen = 0;  // without a look before (measured: a pair takes 11.1 ns instead of 14.2)
    if (!me || (!lot_.try_change(seen, me) && !take_contended(me, seen))) [[unlikely]]
      lock_otherwise(me, seen);
  }
  // Never parks. False also if the caller holds it.
  [[nodiscard]] bool try_lock() {
    const std::uint64_t me = detail::running_fiber_id();
    detail::parking_lot::word seen = 0;
    return (me && lot_.try_change(seen, me)) || try_lock_otherwise(me, seen);
  }
  // False: it was not free by then. Else like lock(). A free one is locked also when the deadline has passed.
  [[nodiscard]] bool try_lock_until(deadline until);
  [[nodiscard]] bool try_lock_for(deadline from_now) { return try_lock_until(from_now); }
  // Never parks. operation_not_permitted if the caller does not hold it.
  void unlock() {
    const std::uint64_t me = detail::running_fiber_id();
    detail::parking_lot::word seen = me;
    if (!me || (!lot_.try_change(seen, 0) && !give_contended(me, seen))) [[unlikely]]
      unlock_otherwise(me, seen);
  }

  // co_await: the same for tasks. What it has locked may be given to a std::unique_lock, with std::adopt_lock.
  [[nodiscard]] auto async_lock() noexcept { return detail::lock_operation(lot_, locking_); }
  [[nodiscard]] auto async_try_lock_until(deadline until) noexcept {
    return detail::timed_lock_operation(lot_, locking_, until);
  }

  // Whether the caller holds it: the fiber, the task, or else the thread.
  [[nodiscard]] bool is_mine() const;

 private:
  friend class recursive_mutex;
  friend class once_flag;
  friend struct detail::lot_access;
  static constexpr detail::parking_lot::word woken = 1 << 2, holder = ~detail::parking_lot::word{63};
  static constexpr detail::parking_lot::word on_his_way = woken | detail::parking_lot::waited_for;
  static const detail::lot_rule locking_;

  static detail::entry enter(detail::parking_lot& lot, detail::parking_lot::word& state, detail::wait_node& who,
                             bool again, detail::wake_list&) noexcept;
  // While others wait and one of them is on his way, whoever runs goes on with the mutex as before. Inline, since that can
  // last long (measured with 100 fibers on 2 workers: 27 ns of CPU for a pair out of line, 23 so).
  bool take_contended(std::uint64_t me, detail::parking_lot::word& seen) noexcept {
    return !(seen & (holder | detail::parking_lot::locked)) && lot_.try_change(seen, seen | me);
  }
  bool give_contended(std::uint64_t me, detail::parking_lot::word& seen) noexcept {
    return seen == (me | on_his_way) && lot_.try_change(seen, on_his_way);
  }
  // Out of line: `me` is zero off a fiber, `seen` what the first look has found.
  void lock_otherwise(std::uint64_t me, detail::parking_lot::word seen);
  bool try_lock_otherwise(std::uint64_t me, detail::parking_lot::word seen);
  void unlock_otherwise(std::uint64_t me, detail::parking_lot::word seen);
  [[gnu::cold]] void unlock_and_wake();
  [[nodiscard]] bool take(std::uint64_t me, detail::parking_lot::word seen) noexcept;

  detail::parking_lot lot_;
};

static_assert(sizeof(mutex) == 16);

}  // namespace weft
