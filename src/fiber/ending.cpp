// SPDX-License-Identifier: BSL-1.0
#include "fiber/ending.hpp"

#include <exception>
#include <utility>
#include <weft/base/error.hpp>

#include "fiber/scope_core.hpp"
#include "fiber/switching.hpp"
#include "sched/registry.hpp"

namespace weft::detail {
namespace {

// What a spawn does not set. Nobody knows the block any more.
void clean(control_block& block) noexcept {
  block.base.requested.store(false, std::memory_order_relaxed);
  block.base.expired = false;
  block.base.deliveries = 0;
  block.word.clear_pending();
}

// To whom it belongs that had nobody to join it, before it ends for others.
void report_to_parent(control_block& self) noexcept {
  if (self.parent)
    leave_scope(*self.parent, self, std::exchange(self.error, nullptr));
  else if (self.error)
    self.of->unhandled(std::exchange(self.error, nullptr), self);
}

}  // namespace

void report_unobserved(control_block& block) noexcept {
  if (!block.error) return;
  const registry::pinned alive(number_of(block));
  if (alive.get()) block.of->unhandled(std::exchange(block.error, nullptr), block);
}

void arm_inherited_deadline(control_block& self) noexcept {
  if (!self.parent) arm_base(self);  // a parent's own timer reaches its children
}

bool is_cancelled_before_start(control_block& self) noexcept {
  return self.base.requested.load(std::memory_order_acquire) || !self.parent;
}

void finish_slowly(fiber_desk& desk, control_block& self) noexcept {
  if (self.base.armed_on) std::exchange(self.base.armed_on, nullptr)->cancel(self.base);
  if (self.end.is_detached()) report_to_parent(self);
  const completion::end end = self.end.finish();
  if (end.joiner)
    unpark_joiner(desk, end);
  else if (end.detached)
    finish_detached(desk, self);
}

void finish_detached(fiber_desk& desk, control_block& self) noexcept {
  report_unobserved(self);  // detached at the last moment: nobody has told of it yet
  recycle(&desk, self);
}

void recycle_slowly(fiber_desk* desk, control_block& block) noexcept {
  if (block.how == fate::returned) {
    block.perform(block, fiber_core::act::drop_result);
  } else if (!block.started.load(std::memory_order_relaxed)) {
    block.perform(block, fiber_core::act::drop_body);
  }
  block.error = nullptr;
  if (block.payload != block.room) free_payload(block);
  block.label[0] = '\0';
  if (block.base.requested.load(std::memory_order_relaxed)) clean(block);
  if (desk && is_of(*desk, block)) {
    block.taken = false;
    desk->blocks.give(block);
  } else {
    block_arena::give_back(block);  // where `taken` is looked at under a lock
  }
}

}  // namespace weft::detail
