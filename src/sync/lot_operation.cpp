// SPDX-License-Identifier: BSL-1.0
// How tasks wait at a parking lot: `wait_at`, cut at its park.
#include <weft/detail/sync/lot_operation.hpp>

#include "stackless/tasks.hpp"

namespace weft::detail {

bool lot_operation::advance() noexcept {
  const phase was = phase_;
  if (was == phase::fresh || was == phase::yielded) {
    if (rule_->cancellable) {
      if (take_cancellation(self())) {
        why_ = outcome::cancelled;
        return true;
      }
      if (was == phase::fresh && self().desk->counts_out()) {
        phase_ = phase::yielded;
        yield_in();
        return false;
      }
    }
    return enter(false, !rule_->cancellable);
  }
  why_ = wait_.end_unheeded();
  if (why_ == outcome::woken) return !rule_->wake_is_a_try || enter(true, was == phase::waiting_deaf);
  if (rule_->may_be_gone && !parking_lot::begin_to_leave(wait_.node())) {
    if (why_ == outcome::cancelled) (void)take_cancellation(self());
    return true;
  }
  wake_list woken;
  parking_lot::word state = lot_->lock();  // [lot-4]
  lot_->queue().remove(wait_.node());
  const bool given_up = !rule_->leave || rule_->leave(*lot_, state, wait_.node(), woken);
  lot_->unlock(state);
  woken.unpark_all();
  if (!given_up) {
    until_ = never;
    return enter(true, true);
  }
  if (why_ == outcome::cancelled) (void)take_cancellation(self());
  return true;
}

bool lot_operation::enter(bool again, bool deaf) noexcept {
  wait_.node().leaves.store(wait_node::leaving::undecided, std::memory_order_relaxed);  // published by the lot
  wake_list woken;
  parking_lot::word state = lot_->lock();
  const entry verdict = rule_->enter(*lot_, state, wait_.node(), again, woken);
  if (verdict != entry::wait) {
    lot_->unlock(state);
    woken.unpark_all();
    why_ = verdict == entry::over ? outcome::woken : outcome::closed;
    return true;
  }
  // Armed under the lock, which costs no switch here: so there is never a wait to be taken back.
  if (deaf) {
    wait_.begin_deaf(self(), rule_->what);
  } else if (!wait_.begin(self(), rule_->what)) {
    if (rule_->leave) (void)rule_->leave(*lot_, state, wait_.node(), woken);
    lot_->unlock(state);
    woken.unpark_all();
    why_ = outcome::cancelled;
    return true;
  }
  phase_ = deaf ? phase::waiting_deaf : phase::waiting;
  if (again && rule_->wake_is_a_try)
    lot_->queue().push_front(wait_.node());
  else
    lot_->queue().push_back(wait_.node());
  lot_->unlock(state);
  woken.unpark_all();
  if (rule_->linked) rule_->linked(wait_.node().note);
  wait_.wake_at(until_);
  return false;
}

}  // namespace weft::detail
