// SPDX-License-Identifier: BSL-1.0
// One wait of whoever calls, fiber or plain thread: arm, show the nodes, park, read the outcome.
//
//   waiting me(waiting::may_cancel::yes);       // throws `cancelled` if that is due
//   wait_node node(me.who(), me.ticket());
//   if (!queue_it(node)) me.forgo(); else { outcome o = me.park(until); unlink(node); me.heed(o); }
#pragma once

#include <cassert>
#include <cstdint>
#include <weft/base/deadline.hpp>
#include <weft/detail/run/wait_queue.hpp>

#include "fiber/switching.hpp"
#include "fiber/thread_waiter.hpp"
#include "poll/poller.hpp"

namespace weft::detail {

class waiting {
 public:
  enum class may_cancel : bool { no, yes };

  // [claim-1] On a fiber a cancellation point if `yes`, unless more exceptions are in flight than when the innermost
  // scope was entered. `what` is a literal for the dump. Throws `cancelled`.
  explicit waiting(may_cancel how, const char* what);
  // For callers that know who runs: null is a plain thread.
  waiting(control_block* self, may_cancel how, const char* what)
      : fiber_(self), what_(what), who_(self ? static_cast<waiter*>(self) : &thread_waiter::mine()) {
    if (!self) {
      ticket_ = who_->word.arm_deaf();
      return;
    }
    if (how == may_cancel::yes && is_open_to_cancellation(*self)) [[likely]] {
      ticket_ = self->word.arm();
      if (ticket_ == 0) [[unlikely]]
        deliver(*self);
    } else {
      ticket_ = self->word.arm_deaf();
    }
  }
  // The same for callers that hold a lock: does not throw. If it is refused, let the lock go, then `heed` the
  // cancellation. A plain thread must have its waiter already.
  struct under_lock {};
  waiting(control_block* self, may_cancel how, const char* what, under_lock) noexcept
      : fiber_(self), what_(what), who_(self ? static_cast<waiter*>(self) : &thread_waiter::mine()) {
    ticket_ =
        self && how == may_cancel::yes && is_open_to_cancellation(*self) ? self->word.arm() : who_->word.arm_deaf();
  }
  [[nodiscard]] bool is_refused() const noexcept { return ticket_ == 0; }
  waiting(const waiting&) = delete;
  waiting& operator=(const waiting&) = delete;

  [[nodiscard]] waiter& who() const noexcept { return *who_; }
  [[nodiscard]] claim::ticket ticket() const noexcept { return ticket_; }
  // The node of a wait that has but one. It lies beside the claim and not on the stack, where whoever wakes many would
  // load a page for each (measured: an event that wakes 10,000 fibers 390 -> 200 ns for each).
  [[nodiscard]] wait_node& place() const noexcept {
    wait_node& mine = fiber_ ? fiber_->place : static_cast<thread_waiter*>(who_)->place;
    mine.who = who_;
    mine.generation = ticket_;
    return mine;
  }
  // Of the fiber's worker; null on a plain thread.
  [[nodiscard]] detail::poller* poller() const noexcept;

  // [claim-2] is done. Returns when somebody has won the claim; a deadline in the past is one that wins at once.
  [[nodiscard]] outcome park(deadline until = never) noexcept {
    if (!fiber_ || !until.is_never()) [[unlikely]]
      return park_otherwise(until.to_nanoseconds());
    fiber_->waits_for.store(what_, std::memory_order_release);  // whoever sees it finds the nodes shown
    detail::park(*fiber_->desk, *fiber_);
    fiber_->waits_for.store(nullptr, std::memory_order_relaxed);
    assert(fiber_->word.result(ticket_) != outcome::none);  // else nobody owed it an unpark
    return fiber_->word.last_result();
  }
  // Nothing was shown, or all has been taken back: no wait. What won meanwhile, `woken` if nothing did.
  outcome forgo() noexcept;
  // After the nodes are unlinked. Throws `cancelled` for outcome::cancelled, on behalf of the innermost scope.
  void heed(outcome why) {
    if (why == outcome::cancelled) [[unlikely]]
      throw_cancelled();
  }

 private:
  [[noreturn]] void throw_cancelled();
  outcome park_otherwise(std::int64_t until) noexcept;  // a thread, or with a deadline

  control_block* fiber_;
  const char* what_;
  waiter* who_;
  claim::ticket ticket_;
};

// A cancellation point that does not wait. Nothing on a plain thread.
void check_cancellation();

}  // namespace weft::detail
