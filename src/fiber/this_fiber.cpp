// SPDX-License-Identifier: BSL-1.0
#include <weft/fiber/this_fiber.hpp>

#include <thread>

#include "fiber/fibers.hpp"
#include "fiber/switching.hpp"
#include "fiber/waiting.hpp"

namespace weft::detail {

namespace {

// All but the usual case. `self` is null off a fiber.
[[gnu::noinline]] crossing give_turn_slowly(control_block* self) {
  if (!self) {
    std::this_thread::yield();
  } else {
    if (self->word.pending()) check_cancellation();
    yield(*self->desk, *self);
  }
  return {};
}

}  // namespace

// Not inlined: it reads thread-locals, and its callers may have switched before. It calls nothing that comes back, and so
// saves no registers: a third of what it would cost.
[[gnu::noinline]] crossing give_turn() {
  fiber_desk* const desk = desk_on_entry();
  control_block* const self = desk ? desk->running() : nullptr;
  if (!self || self->word.pending() || self->resume != &resume_fiber || !desk->exceptions->is_zero()) [[unlikely]]
    return give_turn_slowly(self);
  ready_queue& ready = desk->at.ready;
  runnable* const next = ready.take_turns(*self, &resume_fiber);
  if (!next) [[unlikely]]
    return give_turn_slowly(self);
  prefetch(*ready.peek());
  desk->set_running(&block_of(*next));
  return cross_over(self->saved, block_of(*next).saved);
}

}  // namespace weft::detail

namespace weft::this_fiber {

using detail::control_block;
using detail::current_fiber;

void sleep_until(deadline until) {
  for (;;) {
    detail::waiting me(detail::waiting::may_cancel::yes, "its sleep to end");
    const detail::outcome why = me.park(until);
    me.heed(why);
    if (why == detail::outcome::deadline) return;
  }
}

fiber_id id() noexcept {
  const control_block* const self = current_fiber();
  return self ? fiber_id(self->id.load(std::memory_order_relaxed)) : fiber_id();  // its own
}

std::string_view name() noexcept {
  const control_block* const self = current_fiber();
  return self ? std::string_view(self->label) : std::string_view();
}

bool on_fiber() noexcept { return current_fiber() != nullptr; }

bool cancelled() noexcept {
  const control_block* const self = current_fiber();
  return self && detail::is_deliverable(*self);
}

void check_cancelled() { detail::check_cancellation(); }

deadline current_deadline() noexcept {
  const control_block* const self = current_fiber();
  return self ? deadline::from_nanoseconds(self->innermost->effective) : never;
}

std::size_t last_transferred() noexcept {
  const control_block* const self = current_fiber();
  return self ? self->last_transferred : 0;
}

}  // namespace weft::this_fiber
