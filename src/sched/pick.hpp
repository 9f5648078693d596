// SPDX-License-Identifier: BSL-1.0
// The order in which a worker runs what is ready. Inline, because a fiber that parks runs this on its own stack.
//
//   1. `next_`: the joiner of what just ended, or a hand-off; at most 16 in a row, then it queues like the others
//   2. `ready_`: what started and is ready again, first come, first served
//   3. `fresh_`, newest first: a recursive fan-out goes depth first and keeps few stacks alive
//   every 61 picks: the inbox, the oldest fresh one, due timers and (by time) the poller get their turn
#pragma once

#include "sched/scheduler.hpp"
#include "sched/worker.hpp"

namespace weft::detail {

inline runnable* worker::pick() noexcept {
  const unsigned left = ticks_.load(std::memory_order_relaxed) - 1;  // relaxed: others only watch it
  ticks_.store(left, std::memory_order_relaxed);
  if (left == 0) [[unlikely]] {
    if (runnable* r = fair_turn()) return r;
  }
  if (runnable* r = next_) {
    next_ = nullptr;
    if (++streak_ <= longest_streak) return r;
    ready_.push_back(*r);
  }
  streak_ = 0;
  if (runnable* r = ready_.pop_front()) [[likely]]
    return r;
  return fresh_.pop();
}

inline void worker::push_fresh(runnable& r) noexcept {
  if (!fresh_.push(r)) [[unlikely]]
    push_ready(r);  // no memory to grow the deque: nobody can steal this one
  else if (owner_.idlers().has_worker_to_wake()) [[unlikely]]
    owner_.wake_one();
}

inline void worker::push_next(runnable& r) noexcept {
  if (next_) ready_.push_back(*next_);
  next_ = &r;
}

}  // namespace weft::detail
