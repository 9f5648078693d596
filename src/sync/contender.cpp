// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/sync/contender.hpp>

#include <weft/base/error.hpp>
#include <weft/detail/sync/checkpoint.hpp>

#include "fiber/fibers.hpp"
#include "fiber/waiting.hpp"
#include "stackless/tasks.hpp"

namespace weft::detail {
namespace {

using contenders = std::span<contender>;

constexpr const char* first_of_several = "the first of several fibers and futures";

[[noreturn, gnu::cold]] void refuse_other_joiner() {
  throw_error(std::errc::invalid_argument, "weft: somebody else is joining one of these fibers");
}

std::optional<std::size_t> find_ended(contenders these) noexcept {
  for (std::size_t i = 0; i < these.size(); ++i)
    if (these[i].has_ended()) return i;
  return {};
}

void withdraw(contenders these) noexcept {
  for (contender& one : these) one.withdraw();
}

// Waits at all of them, or at none: when one has ended already, or refuses.
completion::shown show(contenders these, waiter& who, claim::ticket ticket) noexcept {
  for (std::size_t i = 0; i < these.size(); ++i) {
    const completion::shown shown = these[i].show(who, ticket);
    if (shown == completion::shown::waiting) continue;
    withdraw(these.first(i));
    return shown;
  }
  return completion::shown::waiting;
}

std::optional<std::size_t> wait_for_any(contenders these, deadline until) {
  for (;;) {
    if (const auto found = find_ended(these)) return found;
    waiting me(waiting::may_cancel::yes, first_of_several);
    const completion::shown shown = show(these, me.who(), me.ticket());
    if (shown != completion::shown::waiting) {
      me.forgo();
      if (shown == completion::shown::other_joiner) refuse_other_joiner();
      continue;
    }
    const outcome why = me.park(until);
    withdraw(these);
    me.heed(why);
    if (why != outcome::deadline) continue;
    return find_ended(these);
  }
}

}  // namespace

completion::shown contender::show(waiter& who, claim::ticket ticket) noexcept {
  node_.who = &who;
  node_.generation = ticket;
  if (fiber_) return fiber_->show(node_);
  return future_->show(node_) ? completion::shown::waiting : completion::shown::ended;
}

void contender::withdraw() noexcept {
  if (fiber_)
    fiber_->withdraw(node_);
  else
    future_->withdraw(node_);
}

std::optional<std::size_t> wait_for_several(contenders these, how_many wanted, deadline until) {
  checkpoint();
  if (const control_block* const self = current_fiber()) {
    for (const contender& one : these)
      if (one.is(&self->end))
        throw_error(std::errc::resource_deadlock_would_occur, "weft: a fiber cannot wait for its own end");
  }
  if (these.empty()) return std::size_t(-1);
  if (wanted == how_many::any) return wait_for_any(these, until);
  for (std::size_t i = 0; i < these.size(); ++i)
    if (!wait_for_any(these.subspan(i, 1), until)) return {};
  return these.size() - 1;
}

several_operation::course several_operation::look() noexcept {
  if (these_.empty()) {
    found_ = std::size_t(-1);
    return course::decided;
  }
  if (wanted_ == how_many::any) {
    found_ = find_ended(these_);
    return found_ ? course::decided : course::on;
  }
  while (next_ < these_.size() && these_[next_].has_ended()) ++next_;
  if (next_ < these_.size()) return course::on;
  found_ = next_ - 1;
  return course::decided;
}

several_operation::course several_operation::wait() noexcept {
  if (!wait_.begin(self(), first_of_several)) {
    cancelled_ = true;
    return course::decided;
  }
  const contenders at = wanted_ == how_many::any ? these_ : these_.subspan(next_, 1);
  const completion::shown shown = show(at, *wait_.node().who, wait_.node().generation);
  if (shown == completion::shown::waiting) {
    wait_.wake_at(until_);
    phase_ = phase::waiting;
    return course::suspended;
  }
  refused_ = shown == completion::shown::other_joiner;
  if (!wait_.forgo()) {
    phase_ = phase::forgone;
    return course::suspended;
  }
  return refused_ ? course::decided : course::on;
}

bool several_operation::advance() noexcept {
  course now = course::on;
  if (phase_ == phase::fresh || phase_ == phase::yielded) {
    cancelled_ = take_cancellation(self());
    if (!cancelled_ && phase_ == phase::fresh && self().desk->counts_out()) {
      phase_ = phase::yielded;
      yield_in();
      return false;
    }
  } else {
    const outcome why = wait_.end();
    if (phase_ == phase::waiting) withdraw(wanted_ == how_many::any ? these_ : these_.subspan(next_, 1));
    cancelled_ = why == outcome::cancelled;
    if (why == outcome::deadline) {
      (void)look();
      return true;
    }
  }
  if (cancelled_) return true;
  while (now == course::on) {
    now = look();
    if (now == course::on) now = wait();
  }
  return now == course::decided;
}

std::optional<std::size_t> several_operation::result() const {
  if (cancelled_) throw cancelled();
  if (refused_) refuse_other_joiner();
  return found_;
}

}  // namespace weft::detail
