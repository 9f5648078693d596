// SPDX-License-Identifier: BSL-1.0
// Invariant: the first in line cannot go on, or his claim is lost and he is on his way out; then he lets on who is behind
// him. The note of a wait node is its waiter's identity, and `exclusive` beside it for a writer.
#include <weft/base/error.hpp>
#include <weft/sync/shared_mutex.hpp>

#include "sync/identity.hpp"
#include "sync/lot_wait.hpp"

namespace weft {

using detail::entry;
using detail::parking_lot;
using detail::wait_node;
using detail::wake_list;

const detail::lot_rule shared_mutex::locking_{
    .what = "a shared_mutex",
    .enter = &shared_mutex::enter,
    .leave = &shared_mutex::leave,
    .cancellable = false,
    .mistake = std::errc::resource_deadlock_would_occur,
    .mistake_text = "weft: shared_mutex: locked again by who holds it to write",
};

entry shared_mutex::enter(parking_lot& lot, parking_lot::word& state, wait_node& who, bool, wake_list&) noexcept {
  const bool writes = who.note & exclusive;
  if ((state & exclusive) && (state & holder) == (who.note & holder)) return entry::refused;
  if (!lot.queue().empty() || (writes ? state != 0 : (state & exclusive) != 0)) return entry::wait;
  state = writes ? who.note : state + reader;
  return entry::over;
}

bool shared_mutex::leave(parking_lot& lot, parking_lot::word& state, wait_node&, wake_list& woken) noexcept {
  admit(lot, state, woken);
  return true;
}

// Whoever is first in line and can go on now.
void shared_mutex::admit(parking_lot& lot, parking_lot::word& state, wake_list& woken) noexcept {
  while (wait_node* const first = lot.queue().front()) {
    const bool writes = first->note & exclusive;
    if (writes ? state != 0 : (state & exclusive) != 0) return;
    lot.queue().remove(*first);
    if (!first->who->word.win(first->generation, detail::outcome::woken)) continue;
    state = writes ? first->note : state + reader;
    woken.push(*first->who);
  }
}

bool shared_mutex::try_lock() {
  std::uint64_t me = detail::running_fiber_id();
  if (!me) me = detail::identity_here();
  auto seen = lot_.guess();
  for (unsigned spins = 0; !(seen & ~parking_lot::locked);) {
    if (seen & parking_lot::locked) {
      detail::relax(spins++);
      seen = lot_.guess();
    } else if (lot_.try_change(seen, me | exclusive)) {
      return true;
    }
  }
  return false;
}

bool shared_mutex::try_lock_until(deadline until) {
  return try_lock() || detail::wait_at(lot_, locking_, until, detail::identity_here() | exclusive);
}

bool shared_mutex::try_lock_shared_slowly() noexcept {
  const auto state = lot_.lock();
  const bool can = !(state & exclusive) && lot_.queue().empty();
  lot_.unlock(can ? state + reader : state);
  return can;
}

bool shared_mutex::try_lock_shared_slowly_until(deadline until) {
  return detail::wait_at(lot_, locking_, until, detail::identity_here());
}

void shared_mutex::unlock() {
  const std::uint64_t mine = detail::identity_here() | exclusive;
  parking_lot::word seen = mine;
  if (lot_.try_change(seen, 0)) return;
  if ((seen & ~parking_lot::flags) != mine)
    detail::throw_error(std::errc::operation_not_permitted, "weft: shared_mutex: unlocked by who does not hold it");
  wake_list woken;
  (void)lot_.lock();
  parking_lot::word state = 0;
  admit(lot_, state, woken);
  lot_.unlock(state);
  woken.unpark_all();
}

void shared_mutex::unlock_shared_slowly() {
  wake_list woken;
  auto state = lot_.lock();
  const bool reads = !(state & exclusive) && state >= reader;
  if (reads) {
    state -= reader;
    admit(lot_, state, woken);
  }
  lot_.unlock(state);
  woken.unpark_all();
  if (!reads)
    detail::throw_error(std::errc::operation_not_permitted,
                        "weft: shared_mutex: unlocked by a reader, but nobody reads");
}

}  // namespace weft
