// SPDX-License-Identifier: BSL-1.0
// What the condition variables are made of: a queue without a state, and a wait that unlocks before and locks after.
#pragma once

#include <cstdint>
#include <weft/base/deadline.hpp>
#include <weft/detail/sync/lock_operation.hpp>
#include <weft/detail/sync/parking_lot.hpp>

namespace weft::detail {

// What the wait lets go when it can be notified. Its address is the note of the wait node.
struct held_lock {
  void* lock;
  void (*unlock)(void* lock);
  bool released = false;
};

class condition {
 public:
  constexpr condition() noexcept = default;

  // Ends the process if somebody waits: `what` says so. Waits for those who are on their way out, [lot-5].
  void verify_left(const char* what) noexcept;

  void notify_one() noexcept;
  void notify_all() noexcept;
  [[nodiscard]] parking_lot& lot() noexcept { return lot_; }
  [[nodiscard]] const parking_lot& lot() const noexcept { return lot_; }
  static const lot_rule waiting;

  // Unlocks and waits. True: notified. Does not lock again. May throw `cancelled`, also before it has unlocked.
  [[nodiscard]] bool wait_until(held_lock& held, deadline until);

 private:
  class notification;
  [[nodiscard]] bool has_waiters() noexcept;

  parking_lot lot_;
};

// The same, and locks again in any case. A lock that cannot be locked again ends the process, as std says.
template <class Lock> bool wait_on(condition& c, Lock& lock, deadline until) {
  struct relocked : held_lock {
    ~relocked() {
      if (released) static_cast<Lock*>(this->lock)->lock();
    }
  } held{{&lock, [](void* l) { static_cast<Lock*>(l)->unlock(); }}};
  return c.wait_until(held, until);
}

}  // namespace weft::detail
