// SPDX-License-Identifier: BSL-1.0
// One wait of a task: arm, show the node, be suspended, read the outcome.
#include <cassert>
#include <exception>
#include <weft/base/error.hpp>
#include <weft/detail/stackless/operation.hpp>

#include "stackless/cancellations.hpp"
#include "stackless/tasks.hpp"

namespace weft::detail {

// A cancel() that is under way is this one, and has to be over: it may look for a join yet, and would end the next, [join-5].
std::uint64_t heed_cancellation(task_core& self) noexcept {
  if (!self.end.lock()) std::terminate();  // a task that runs has not ended
  self.word.clear_pending();
  const std::uint64_t number = self.told_at.exchange(cancellations::newest(), std::memory_order_relaxed);
  self.end.unlock();
  return number;
}

bool take_cancellation(task_core& self) noexcept {
  if (!self.word.pending()) return false;
  (void)heed_cancellation(self);
  return true;
}

void throw_cancelled(task_core& self) {
  (void)heed_cancellation(self);
  throw cancelled();
}

bool task_wait::begin(task_core& self, const char* what) noexcept {
  const claim::ticket ticket = self.word.arm();
  if (ticket == 0) [[unlikely]] {
    (void)heed_cancellation(self);
    return false;
  }
  show(self, ticket, what);
  return true;
}

void task_wait::begin_deaf(task_core& self, const char* what) noexcept { show(self, self.word.arm_deaf(), what); }

void task_wait::show(task_core& self, claim::ticket ticket, const char* what) noexcept {
  node_.who = &self;
  node_.generation = ticket;
  self.waits_for.store(what, std::memory_order_relaxed);
}

void task_wait::wake_at(deadline until) noexcept {
  if (until.is_never()) return;
  auto& self = static_cast<task_core&>(*node_.who);
  alarm_.who = &self;
  alarm_.generation = node_.generation;
  alarm_.at = until.to_nanoseconds();
  self.desk->at.timers.insert(alarm_);
  self.waits_until.store(alarm_.at, std::memory_order_relaxed);
}

bool task_wait::forgo() noexcept {
  auto& self = static_cast<task_core&>(*node_.who);
  if (!self.word.win(node_.generation, outcome::woken)) return false;
  self.waits_for.store(nullptr, std::memory_order_relaxed);
  return true;
}

outcome task_wait::end_unheeded() noexcept {
  auto& self = static_cast<task_core&>(*node_.who);
  self.waits_for.store(nullptr, std::memory_order_relaxed);
  const outcome why = self.word.result(node_.generation);
  if (alarm_.who) {
    alarm_.who = nullptr;
    self.waits_until.store(deadline::limit, std::memory_order_relaxed);
    assert(why != outcome::deadline || alarm_.index == timer_node::nowhere);
    if (why != outcome::deadline) self.desk->at.timers.cancel(alarm_);  // else it fired, here
  }
  return why;
}

outcome task_wait::end() noexcept {
  const outcome why = end_unheeded();
  if (why == outcome::cancelled) [[unlikely]]
    (void)heed_cancellation(static_cast<task_core&>(*node_.who));
  return why;
}

}  // namespace weft::detail
