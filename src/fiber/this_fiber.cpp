// SPDX-License-Identifier: BSL-1.0
#include <weft/fiber/this_fiber.hpp>

#include <thread>

#include "fiber/fibers.hpp"
#include "fiber/switching.hpp"
#include "fiber/waiting.hpp"

namespace weft::this_fiber {

using detail::control_block;
using detail::current_fiber;

void yield() {
  detail::fiber_desk* const desk = detail::desk_on_entry();
  control_block* const self = desk ? desk->running() : nullptr;
  if (!self) [[unlikely]] {
    std::this_thread::yield();
    return;
  }
  if (self->word.pending()) [[unlikely]] {
    detail::check_cancellation();
    detail::yield(*self->desk, *self);
    return;
  }
  detail::yield(*desk, *self);
}

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
