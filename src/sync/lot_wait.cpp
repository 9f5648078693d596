// SPDX-License-Identifier: BSL-1.0
#include "sync/lot_wait.hpp"

#include <weft/base/error.hpp>

#include "fiber/waiting.hpp"

namespace weft::detail {

bool wait_at(parking_lot& lot, const lot_rule& rule, deadline until, std::uint64_t note) {
  return wait_noting(lot, rule, until, note);
}

bool wait_noting(parking_lot& lot, const lot_rule& rule, deadline until, std::uint64_t& note) {
  bool deaf = !rule.cancellable;
  for (bool again = false;; again = true) {
    waiting me(deaf ? waiting::may_cancel::no : waiting::may_cancel::yes, rule.what);  // [claim-1]
    wait_node& node = me.place();
    node.note = note;
    node.leaves.store(wait_node::leaving::undecided, std::memory_order_relaxed);  // published by the lot
    wake_list woken;
    parking_lot::word state = lot.lock();
    const entry verdict = rule.enter(lot, state, node, again, woken);
    note = node.note;
    if (verdict != entry::wait) {
      lot.unlock(state);
      woken.unpark_all();
      me.forgo();  // a cancellation that came now is for the next point: this wait has come true
      if (verdict == entry::refused) throw_error(rule.mistake, rule.mistake_text);
      return true;
    }
    if (again && rule.wake_is_a_try)
      lot.queue().push_front(node);
    else
      lot.queue().push_back(node);
    lot.unlock(state);
    woken.unpark_all();
    if (rule.linked) rule.linked(note);
    const outcome why = me.park(until);
    note = node.note;
    if (why == outcome::woken) {
      if (!rule.wake_is_a_try) return true;
      continue;
    }
    if (rule.may_be_gone && !parking_lot::begin_to_leave(node)) {
      me.heed(why);
      return false;
    }
    state = lot.lock();  // [lot-4]
    lot.queue().remove(node);
    const bool given_up = !rule.leave || rule.leave(lot, state, node, woken);
    lot.unlock(state);
    woken.unpark_all();
    if (given_up) {
      me.heed(why);
      return false;
    }
    deaf = true;
    until = never;
  }
}

}  // namespace weft::detail
