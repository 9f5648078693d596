// SPDX-License-Identifier: BSL-1.0
// The order in which a worker runs what is ready. Inline, because a fiber that parks runs this on its own stack.
//
//   1. `ready`, in its own order
//   2. `fresh_`, newest first: a recursive fan-out goes depth first and keeps few stacks alive
//   every 61 picks: the inbox, the oldest fresh ones, due timers and (by time) the poller get their turn
#pragma once

#include "sched/scheduler.hpp"
#include "sched/worker.hpp"

namespace weft::detail {

inline runnable* worker::pick() noexcept {
  if (ready.count_down()) [[unlikely]] {
    if (runnable* r = fair_turn()) return r;
  }
  if (runnable* r = ready.pop()) [[likely]]
    return r;
  return fresh_.pop();
}

inline runnable* worker::pick_quickly() noexcept {
  if (!ready.count_usual()) [[unlikely]]
    return nullptr;
  if (runnable* r = ready.pop()) return r;
  return fresh_.pop();
}

inline void worker::push_fresh(runnable& r) noexcept {
  if (!fresh_.push_if_room(r)) [[unlikely]]
    push_fresh_slowly(r);
  else if (owner_.idlers().has_worker_to_wake()) [[unlikely]]
    owner_.wake_one();
}

}  // namespace weft::detail
