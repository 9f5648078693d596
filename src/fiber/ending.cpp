// SPDX-License-Identifier: BSL-1.0
#include "fiber/ending.hpp"

#include <exception>
#include <utility>
#include <weft/base/error.hpp>

#include "context/raw_line.hpp"
#include "fiber/dump.hpp"
#include "fiber/scope_core.hpp"
#include "fiber/switching.hpp"
#include "sched/registry.hpp"
#include "sched/unobserved.hpp"

namespace weft::detail {
namespace {

// What a spawn does not set. Nobody knows the block any more.
void clean(control_block& block) noexcept {
  block.base.requested.store(false, std::memory_order_relaxed);
  block.base.expired = false;
  block.base.deliveries = 0;
  block.word.clear_pending();
}

// A fiber that nobody cancels, as long as this lives.
class shielded {
 public:
  explicit shielded(control_block& self) noexcept : self_(self) { enter(self_, scope_, deadline::limit, true); }
  shielded(const shielded&) = delete;
  shielded& operator=(const shielded&) = delete;
  ~shielded() { leave(self_, scope_); }

 private:
  control_block& self_;
  cancel_scope scope_;
};

}  // namespace

bool report_unobserved(control_block& block) noexcept {
  if (!block.error) return false;
  const registry::pinned alive(number_of(block));
  if (alive.get()) return block.of->unhandled(block);
  raw_line line;
  add_description(line.text("weft: "), block);
  tell_unobserved(line.text(", was dropped after its runtime with"), block.error);
  return false;
}

std::exception_ptr take_left_error(control_block& block) noexcept {
  for (unsigned spins = 0; !block.end.has_ended();) relax(spins++);  // it is on its way out, and parks no more
  std::exception_ptr error = std::exchange(block.error, nullptr);
  recycle(desk_here(), block);
  return error;
}

void arm_inherited_deadline(control_block& self) noexcept {
  if (!self.parent) arm_base(self);  // a parent's own timer reaches its children
}

bool drop_cancelled_body(control_block& self) noexcept {
  if (self.parent && !self.base.requested.load(std::memory_order_acquire)) return false;
  {
    const shielded guard(self);  // a destructor that sleeps is not to be interrupted
    self.perform(self, fiber_core::act::drop_body);
  }
  if (self.how == fate::none) self.how = fate::cancelled;  // else there was no stack for it
  if (self.base.armed_on || self.kind.detached || self.has_belongings) settle(self);
  return true;
}

void settle(control_block& self) noexcept {
  if (self.base.armed_on) std::exchange(self.base.armed_on, nullptr)->cancel(self.base);
  const bool alone = self.end.is_detached();
  if (alone && self.how == fate::returned && !self.is_plain) {
    const shielded guard(self);
    self.perform(self, fiber_core::act::drop_result);
    self.how = fate::none;
  }
  if (self.has_belongings) self.drop_belongings();
  if (!alone) return;
  self.kind.detached = true;
  // The last that others hear of it: its scope may be left then. With an error its block is theirs.
  if (self.parent)
    leave_scope(*self.parent, self);
  else if (self.error)
    (void)self.of->unhandled(self);
  if (self.has_belongings) self.drop_belongings();  // the hook's
}

// The caller's desk is looked up after what runs code of others, which may park.
void recycle_slowly(control_block& block) noexcept {
  if (block.how == fate::returned) {
    block.perform(block, fiber_core::act::drop_result);
  } else if (!block.started.load(std::memory_order_relaxed)) {
    block.perform(block, fiber_core::act::drop_body);
  }
  block.error = nullptr;
  if (block.payload != block.room) free_payload(block);
  block.label[0] = '\0';
  block.last_transferred = 0;
  if (block.base.requested.load(std::memory_order_relaxed)) clean(block);
  if (fiber_desk* const desk = desk_here(); desk && is_of(*desk, block)) {
    block.taken = false;
    desk->blocks.give(block);
  } else {
    block_arena::give_back(block);  // where `taken` is looked at under a lock
  }
}

bool finish_slowly(fiber_desk& desk, control_block& self) noexcept {
  if (self.kind.detached) {
    const bool leaves_block = self.how == fate::failed && self.error;  // see `settle`
    (void)self.end.finish();
    if (!leaves_block) recycle(&desk, self);
    return true;
  }
  const completion::end end = self.end.finish(completion::remains::left_for_handle);
  if (end.joiner && end.wins_joiner()) unpark_joiner(desk, *end.joiner);  // else something else has woken it
  return !end.deserted;
}

}  // namespace weft::detail
