// SPDX-License-Identifier: BSL-1.0
// shared_mutex: one writer or many readers, like std::shared_timed_mutex; std::unique_lock and std::shared_lock apply.
//
// Policy: first come, first served, and neither side starves. Who comes while somebody waits goes to the end of the
// queue, a reader also while others read. Who unlocks hands over to the first in line: to a writer, or to all readers
// up to the next writer.
#pragma once

#include <cstdint>
#include <weft/base/deadline.hpp>
#include <weft/detail/sched/running_fiber.hpp>
#include <weft/detail/sync/lock_operation.hpp>

namespace weft {

// Between fibers, plain threads and tasks in any mix. On a task use the async_ functions: the others block its worker.
// Nothing here is a cancellation point. Who reads must neither lock it again, shared or not, nor lock it to write: a
// writer between would wait for him and he for the writer.
//
// May be destroyed as soon as nobody holds it or waits for it; also by whoever was the last to unlock it. To destroy it
// while somebody waits ends the process.
class shared_mutex {
 public:
  constexpr shared_mutex() noexcept = default;
  ~shared_mutex() { lot_.verify_empty("weft: a shared_mutex was destroyed while somebody waits for it"); }

  // --- To write ---
  // Parks a fiber, blocks a plain thread, until nobody else holds it. resource_deadlock_would_occur if the caller does
  // that already, to write; bad_alloc on a thread's very first wait.
  void lock() { (void)try_lock_until(never); }
  // Never parks.
  [[nodiscard]] bool try_lock();
  // False: it was not free by then. Else like lock(). A free one is locked also when the deadline has passed.
  [[nodiscard]] bool try_lock_until(deadline until);
  [[nodiscard]] bool try_lock_for(deadline from_now) { return try_lock_until(from_now); }
  // Never parks. operation_not_permitted if the caller does not hold it to write.
  void unlock();

  // --- To read ---
  void lock_shared() { (void)try_lock_shared_until(never); }
  // Never parks. False also if somebody waits.
  [[nodiscard]] bool try_lock_shared() noexcept {
    auto seen = lot_.guess();
    while (!(seen & (detail::parking_lot::flags | exclusive))) {
      if (lot_.try_change(seen, seen + reader)) [[likely]]
        return true;
    }
    return (seen & detail::parking_lot::locked) && try_lock_shared_slowly();
  }
  [[nodiscard]] bool try_lock_shared_until(deadline until) {
    return try_lock_shared() || try_lock_shared_slowly_until(until);
  }
  [[nodiscard]] bool try_lock_shared_for(deadline from_now) { return try_lock_shared_until(from_now); }
  // Never parks. operation_not_permitted if nobody holds it to read.
  void unlock_shared() {
    auto seen = lot_.guess();
    while (!(seen & (detail::parking_lot::flags | exclusive)) && seen >= reader) {
      if (lot_.try_change(seen, seen - reader)) [[likely]]
        return;
    }
    unlock_shared_slowly();
  }

  // co_await: the same for tasks.
  [[nodiscard]] auto async_lock() noexcept { return detail::lock_operation(lot_, locking_, exclusive); }
  [[nodiscard]] auto async_try_lock_until(deadline until) noexcept {
    return detail::timed_lock_operation(lot_, locking_, until, exclusive);
  }
  [[nodiscard]] auto async_lock_shared() noexcept { return detail::lock_operation(lot_, locking_); }
  [[nodiscard]] auto async_try_lock_shared_until(deadline until) noexcept {
    return detail::timed_lock_operation(lot_, locking_, until);
  }

 private:
  friend struct detail::lot_access;
  // Above the flags: `exclusive` and the writer, by the address of his block; or how many read.
  static constexpr detail::parking_lot::word exclusive = 1 << 2, reader = 64, holder = ~detail::parking_lot::word{63};
  static const detail::lot_rule locking_;

  static detail::entry enter(detail::parking_lot& lot, detail::parking_lot::word& state, detail::wait_node& who,
                             bool again, detail::wake_list&) noexcept;
  static bool leave(detail::parking_lot& lot, detail::parking_lot::word& state, detail::wait_node& who,
                    detail::wake_list& woken) noexcept;
  static void admit(detail::parking_lot& lot, detail::parking_lot::word& state, detail::wake_list& woken) noexcept;
  [[nodiscard]] bool try_lock_shared_slowly() noexcept;
  [[nodiscard]] bool try_lock_shared_slowly_until(deadline until);
  void unlock_shared_slowly();

  detail::parking_lot lot_;
};

static_assert(sizeof(shared_mutex) == 16);

}  // namespace weft
