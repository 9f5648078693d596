// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/sync/select_operation.hpp>

#include <weft/base/error.hpp>

#include "stackless/tasks.hpp"
#include "sync/selection.hpp"

namespace weft::detail {

bool select_step::proceed(operation& self) noexcept {
  auto& me = static_cast<select_step&>(self);
  me.course_ = me.course_ == course::waiting ? me.after_wait() : me.start();
  return me.course_ != course::waiting && me.course_ != course::yielded;
}

select_step::course select_step::start() noexcept {
  if (take_cancellation(self())) return course::cancelled;
  if (course_ == course::fresh && self().desk->counts_out()) {
    yield_in();
    return course::yielded;
  }
  return try_or_wait();
}

select_step::course select_step::try_or_wait() noexcept {
  worker& here = self().desk->at;
  chosen_ = select_alone(cases_, here.draw());
  if (chosen_.index != selected::none) return course::decided;
  const select_ends ends(cases_);
  const bool late = ends.until.passed();
  waiter* partner = nullptr;
  select_locks locks(cases_);
  chosen_ = locks.try_all(here.draw(), partner);
  if (chosen_.index == selected::none && !late && ends.otherwise == selected::none) {
    if (!wait_.begin(self(), "one of several channels")) return course::cancelled;
    locks.show_all(*wait_.node().who, wait_.node().generation);  // [select-3]
    locks.unlock();
    wait_.wake_at(ends.until);
    return course::waiting;
  }
  locks.unlock();
  if (partner) partner->unpark(*partner);
  if (chosen_.index == selected::none) chosen_.index = late ? ends.timeout : ends.otherwise;
  return course::decided;
}

// [select-4]
select_step::course select_step::after_wait() noexcept {
  const outcome why = wait_.end();
  chosen_ = withdraw_all(cases_);
  if (why == outcome::cancelled) return course::cancelled;
  if (why == outcome::deadline) chosen_.index = select_ends(cases_).timeout;
  chosen_.closed = why == outcome::closed;
  return course::decided;
}

std::size_t select_step::finish() const {
  if (course_ == course::cancelled) throw cancelled();
  if (chosen_.closed && cases_[chosen_.index]->what() == select_case::kind::send) throw channel_closed();
  return chosen_.index;
}

}  // namespace weft::detail
