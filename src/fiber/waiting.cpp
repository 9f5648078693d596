// SPDX-License-Identifier: BSL-1.0
#include "fiber/waiting.hpp"

#include <cassert>
#include <exception>
#include <weft/base/error.hpp>

#include "fiber/fibers.hpp"
#include "fiber/switching.hpp"
#include "fiber/thread_waiter.hpp"

namespace weft::detail {

[[gnu::noinline]] fiber_desk* desk_here() noexcept {
  asm volatile("" ::: "memory");  // and not merged with another call by the compiler's purity analysis
  return desk_on_entry();
}

control_block* current_fiber() noexcept {
  fiber_desk* const desk = desk_here();
  return desk ? desk->running() : nullptr;
}

waiting::waiting(may_cancel how, const char* what) : waiting(current_fiber(), how, what) {}

poller* waiting::poller() const noexcept { return fiber_ ? fiber_->desk->at.poller.get() : nullptr; }

outcome waiting::park_otherwise(std::int64_t until) noexcept {
  if (!fiber_) {
    static_cast<thread_waiter&>(*who_).block(ticket_, until);
    return who_->word.result(ticket_);
  }
  wake_timer alarm(*who_, ticket_, until);
  timers& where = fiber_->desk->at.timers;  // the fiber may go on elsewhere
  where.insert(alarm);
  fiber_->waits_until.store(until, std::memory_order_relaxed);
  fiber_->waits_for.store(what_, std::memory_order_release);
  detail::park(*fiber_->desk, *fiber_);
  fiber_->waits_until.store(deadline::limit, std::memory_order_relaxed);
  fiber_->waits_for.store(nullptr, std::memory_order_relaxed);
  const outcome why = who_->word.result(ticket_);
  assert(why != outcome::none);  // else nobody owed it an unpark
  // Nobody else says that it was the deadline.
  assert(why != outcome::deadline || alarm.index == timer_node::nowhere);
  if (why != outcome::deadline) where.cancel(alarm);  // else its fire was over before we were unparked
  return why;
}

outcome waiting::forgo() noexcept {
  if (who_->word.win(ticket_, outcome::woken)) return outcome::woken;
  return park();  // somebody won and unparks us
}

void waiting::throw_cancelled() { deliver(*fiber_); }

void check_cancellation() {
  control_block* const self = current_fiber();
  if (self && self->word.pending() && is_deliverable(*self)) deliver(*self);
}

}  // namespace weft::detail
