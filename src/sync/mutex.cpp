// SPDX-License-Identifier: BSL-1.0
// Invariants, besides those of the parking lot
//  - `woken` is set exactly while a waiter that was woken to try has not tried yet. It is unlinked then.
//  - If the mutex is free and somebody waits, `woken` is set: he will try, and if he fails there is a holder again, who
//    will find him in the queue. So no wake is lost.
//  - The note of a wait node is its waiter's identity and, in the bits below, how often he tried in vain.
#include <weft/sync/mutex.hpp>

#include "sync/identity.hpp"
#include "sync/lot_wait.hpp"

namespace weft {

using detail::entry;
using detail::parking_lot;
using detail::wait_node;

namespace {

constexpr std::uint64_t tries = 63, patience = 16;

}  // namespace

const detail::lot_rule mutex::locking_{
    .what = "a mutex",
    .enter = &mutex::enter,
    .cancellable = false,
    .wake_is_a_try = true,
    .mistake = std::errc::resource_deadlock_would_occur,
    .mistake_text = "weft: mutex: locked again by who holds it",
};

entry mutex::enter(parking_lot&, parking_lot::word& state, wait_node& who, bool again, detail::wake_list&) noexcept {
  const std::uint64_t me = who.note & holder;
  if ((state & holder) == me) return again ? entry::over : entry::refused;  // again: it was handed over
  if (again) state &= ~woken;
  if (!(state & holder)) {
    state |= me;
    return entry::over;
  }
  if (again && (who.note & tries) < patience) ++who.note;
  return entry::wait;
}

// Whether it is free, and mine from now on.
bool mutex::take(std::uint64_t me, parking_lot::word seen) noexcept {
  for (unsigned spins = 0; !(seen & holder);) {
    if (seen & parking_lot::locked) {
      detail::relax(spins++);
      seen = lot_.guess();
    } else if (lot_.try_change(seen, seen | me)) {
      return true;
    }
  }
  return false;
}

void mutex::lock_otherwise(std::uint64_t me, parking_lot::word seen) {
  if (!me) {
    me = detail::identity_here();
    seen = lot_.guess();
  }
  if (!take(me, seen)) detail::wait_at(lot_, locking_, never, me);
}

bool mutex::try_lock_otherwise(std::uint64_t me, parking_lot::word seen) {
  return me ? take(me, seen) : take(detail::identity_here(), lot_.guess());
}

bool mutex::try_lock_until(deadline until) {
  const std::uint64_t me = detail::identity_here();
  return take(me, lot_.guess()) || detail::wait_at(lot_, locking_, until, me);
}

void mutex::unlock_otherwise(std::uint64_t me, parking_lot::word seen) {
  if (!me) {
    me = detail::identity_here();
    seen = lot_.guess();
  }
  if ((seen & holder) != me)
    detail::throw_error(std::errc::operation_not_permitted, "weft: mutex: unlocked by who does not hold it");
  // While somebody is on his way nobody else has to be woken.
  while (!(seen & parking_lot::locked) && (!(seen & parking_lot::waited_for) || (seen & woken))) {
    if (lot_.try_change(seen, seen & ~holder)) return;
  }
  unlock_and_wake();
}

void mutex::unlock_and_wake() {
  const parking_lot::word state = lot_.lock();
  wait_node* const next = state & woken ? nullptr : lot_.queue().claim_one(detail::outcome::woken);
  if (!next) {
    lot_.unlock(state & ~holder);
    return;
  }
  detail::waiter& who = *next->who;
  lot_.unlock((next->note & tries) < patience ? woken : next->note & holder);
  who.unpark(who);
}

bool mutex::is_mine() const { return (lot_.guess() & holder) == detail::identity_here(); }

}  // namespace weft
