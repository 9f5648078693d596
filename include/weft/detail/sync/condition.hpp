// SPDX-License-Identifier: BSL-1.0
// What the condition variables are made of: a queue without a state, and a wait that unlocks before and locks after.
#pragma once

#include <concepts>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <weft/base/deadline.hpp>
#include <weft/detail/sync/lock_operation.hpp>
#include <weft/detail/sync/parking_lot.hpp>

namespace weft {

class mutex;
class recursive_mutex;
class shared_mutex;

}  // namespace weft

namespace weft::detail {

// Whether its unlock() never waits, as far as is known.
template <class Lock>
inline constexpr bool unlocks_at_once =
    std::same_as<Lock, mutex> || std::same_as<Lock, recursive_mutex> || std::same_as<Lock, shared_mutex>;
template <class Mutex> inline constexpr bool unlocks_at_once<std::unique_lock<Mutex>> = unlocks_at_once<Mutex>;
template <class Mutex> inline constexpr bool unlocks_at_once<std::shared_lock<Mutex>> = unlocks_at_once<Mutex>;

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
  // The same where unlocking may itself wait, by the caller's claim: so a stand-in with another has the place in line.
  [[nodiscard]] bool wait_by_stand_in(held_lock& held, deadline until);

 private:
  class notification;
  class stand_in;
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
  if constexpr (unlocks_at_once<Lock>)
    return c.wait_until(held, until);
  else
    return c.wait_by_stand_in(held, until);
}

}  // namespace weft::detail
