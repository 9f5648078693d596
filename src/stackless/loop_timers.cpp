// SPDX-License-Identifier: BSL-1.0
// The timers of an event loop: where they are, and how those that are cancelled go.
#include <algorithm>
#include <utility>

#include "sched/worker.hpp"
#include "stackless/loop_core.hpp"
#include "stackless/tasks.hpp"

namespace weft::detail {

timed_callback::timed_callback(std::source_location asked, std::int64_t when) noexcept
    : callback(asked), timer_node(&loop_core::fire) {
  at = when;
}

void cancel(timed_callback& what) noexcept {
  if (!what.loop || !what.loop->is_on_worker()) return loop_core::cancel_elsewhere(what);
  what.mark_cancelled();
  if (!what.is_called) what.loop->cancel_timed(what);
}

void loop_core::push_timed(timed_callback& what) noexcept {
  what.loop = this;
  if (!what.context.values) what.context.inherit(context_place_here(false));
  what.share();
  what.queued = true;
  what.prev_timed = nullptr;
  what.next_timed = timed_;
  if (timed_) timed_->prev_timed = &what;
  timed_ = &what;
  ++timed_count_;
  at_->timers.insert(what);
}

void loop_core::unlink(timed_callback& what) noexcept {
  (what.prev_timed ? what.prev_timed->next_timed : timed_) = what.next_timed;
  if (what.next_timed) what.next_timed->prev_timed = what.prev_timed;
  --timed_count_;
  what.queued = false;
}

// The heap knows where its nodes are, so that one that is cancelled here leaves it at once.
void loop_core::cancel_timed(timed_callback& what) noexcept {
  what.clear();
  if (!what.queued) return;
  at_->timers.cancel(what);
  unlink(what);
  what.let_go();
}

std::atomic<std::uint64_t> loop_core::cancelled_elsewhere_{0};

void loop_core::cancel_elsewhere(timed_callback& what) noexcept {
  if (what.is_cancelled()) return;
  what.mark_cancelled();
  cancelled_elsewhere_.fetch_add(1, std::memory_order_relaxed);
}

// [loop-6] What their closures do when they end meets none of them in the list.
void loop_core::drop_cancelled_timers() noexcept {
  constexpr std::uint64_t some = 100;
  const std::uint64_t counted = cancelled_elsewhere_.load(std::memory_order_relaxed);
  if (counted - cancelled_then_ <= std::max<std::uint64_t>(some, timed_count_ / 2)) [[likely]]
    return;
  cancelled_then_ = counted;
  timed_callback* dropped = nullptr;
  for (timed_callback* next = timed_; next;) {
    timed_callback& what = *std::exchange(next, next->next_timed);
    if (!what.is_cancelled()) continue;
    at_->timers.cancel(what);
    unlink(what);
    what.next_timed = std::exchange(dropped, &what);
  }
  while (dropped) {
    timed_callback& what = *std::exchange(dropped, dropped->next_timed);
    what.clear();
    what.let_go();
  }
}

void loop_core::fire(timer_node& node, wake_list&) noexcept {
  auto& what = static_cast<timed_callback&>(node);
  loop_core& self = *what.loop;
  self.unlink(what);
  self.mark_turn();
  self.at_->push_ready(what);
}

}  // namespace weft::detail
