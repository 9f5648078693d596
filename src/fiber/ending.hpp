// SPDX-License-Identifier: BSL-1.0
// What a fiber does first and last: it runs its body, and reports how that ended.
#pragma once

#include <exception>
#include <weft/base/error.hpp>

#include "fiber/fibers.hpp"
#include "fiber/switching.hpp"

namespace weft::detail {

// Out of line: a fiber that inherited a deadline; one that may be cancelled before it starts, which is then over.
void arm_inherited_deadline(control_block& self) noexcept;
[[nodiscard]] bool drop_cancelled_body(control_block& self) noexcept;

// On the fiber, which has run its body. What only it can do before it ends: its deadline goes, and its belongings; and if
// no handle will come its result is destroyed and its error told. That may run code of others, which may park: the fiber
// is elsewhere then.
void settle(control_block& self) noexcept;

// The joiner goes first: it is the one that the whole fan-in waits for, and its stack is the one to be used next.
inline void unpark_joiner(fiber_desk& desk, waiter& joiner) noexcept {
  if (joiner.unpark == &unpark_fiber && block_of(joiner).home == &desk.at) [[likely]]
    desk.at.push_next(block_of(joiner));
  else
    joiner.unpark(joiner);
}

// On the fiber. Runs the body, or drops it if the fiber was cancelled before; keeps the result or the exception for the
// handle, or settles them.
inline void run_body(control_block& self) noexcept {
  self.started.store(true, std::memory_order_relaxed);
  if (self.base.effective != deadline::limit) [[unlikely]]
    arm_inherited_deadline(self);
  // The root's children see its cancellation here, in case `fibers::cancel_root` looked before they were there.
  if (self.base.requested.load(std::memory_order_acquire) || self.desk->all.is_root_cancelled()) [[unlikely]] {
    if (drop_cancelled_body(self)) return;
  }
  try {
    self.perform(self, fiber_core::act::run);
    self.how = fate::returned;
  } catch (const cancelled&) {
    self.how = fate::cancelled;
  } catch (...) {
    self.error = std::current_exception();
    self.how = fate::failed;
  }
  if (self.base.armed_on || self.kind.detached || self.has_belongings) [[unlikely]]
    settle(self);
}

// A handle was dropped that nobody had joined: its real error goes the way of a go() fiber's, or to stderr when the
// runtime is gone. Any thread. True: the block goes with it.
[[nodiscard]] bool report_unobserved(control_block& block) noexcept;
// Whoever was left a block with an error in it: takes that, when the fiber has ended; the block goes.
[[nodiscard]] std::exception_ptr take_left_error(control_block& block) noexcept;

// A payload that did not fit into the block.
void free_payload(control_block& block) noexcept;

void recycle_slowly(control_block& block) noexcept;
// `finish` but for the usual ends and the count.
[[nodiscard]] bool finish_slowly(fiber_desk& desk, control_block& self) noexcept;

// Of the block's runtime, which may be gone.
[[nodiscard]] inline std::uint64_t number_of(const control_block& block) noexcept {
  return block.id.load(std::memory_order_relaxed) >> fibers::id_bits;
}
[[nodiscard]] inline bool is_of(const fiber_desk& desk, const control_block& block) noexcept {
  return desk.number == number_of(block);
}

// A block that nobody refers to any more: its result or body is destroyed, its memory goes back to the caller's desk, or
// to the arena when the caller is no worker of the fiber's runtime.
inline void recycle(fiber_desk* desk, control_block& block) noexcept {
  if (block.how == fate::returned && block.is_plain && !block.base.requested.load(std::memory_order_relaxed) && desk &&
      is_of(*desk, block)) [[likely]] {
    block.taken = false;
    desk->blocks.give(block);
    return;
  }
  recycle_slowly(block);
}

// On the worker, after `run_body`. Wakes the joiner, gives the block back if no handle does: `self` is not to be touched
// afterwards. False: its handle has let go just now; it is to be settled, and then finished anew.
[[nodiscard, gnu::always_inline]] inline bool finish(fiber_desk& desk, control_block& self) noexcept {
  waiter* joiner;
  if (!self.end.finish_at_once(joiner)) [[unlikely]] {
    if (!finish_slowly(desk, self)) return false;
  } else if (joiner) {
    unpark_joiner(desk, *joiner);
  }
  fiber_desk::count(desk.ended);
  return true;
}

}  // namespace weft::detail
