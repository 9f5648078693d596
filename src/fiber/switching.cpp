// SPDX-License-Identifier: BSL-1.0
#include "fiber/switching.hpp"

#include <utility>

#include "fiber/ending.hpp"

namespace weft::detail {
namespace {

[[nodiscard]] bool is_fresh(const runnable& r) noexcept { return r.resume == &start_fiber; }
[[nodiscard]] bool is_fiber(const runnable* r) noexcept {
  return r && (r->resume == &resume_fiber || is_fresh(*r) || r->resume == &resume_with_state);
}

// A fresh fiber gets a stack; or, if there is none, has to wait for one. [stack-1]
bool bind(fiber_desk& desk, control_block& fresh) noexcept {
  try {
    place(desk, fresh, *desk.stacks.take(fresh.kind.size_class));
    return true;
  } catch (...) {
    desk.all.lack().wait(desk, fresh, std::current_exception());
    return false;
  }
}

// The running fiber is about to switch away: what of its exceptions the thread keeps becomes its own. [fiber-5]
void keep_state(fiber_desk& desk, control_block& self) noexcept {
  if (desk.exceptions->is_zero()) return;
  self.exceptions = std::exchange(*desk.exceptions, {});
  self.resume = &resume_with_state;
}

// The fiber is about to run here. What runs so far has kept its state.
void bring_state(fiber_desk& desk, control_block& to) noexcept {
  if (!to.exceptions.is_zero()) *desk.exceptions = std::exchange(to.exceptions, {});
  if (to.kind.movable) {
    to.desk = &desk;
    to.parked.resumed();  // [park-4]
  } else {
    to.resume = &resume_fiber;
  }
}

// The fiber that was picked, able to run; or null: then the worker's own stack goes on, with `hand_over`.
control_block* bring(fiber_desk& desk, runnable* picked) noexcept {
  for (; is_fiber(picked); picked = desk.at.pick()) {
    control_block& to = block_of(*picked);
    if (is_fresh(to)) {
      if (!bind(desk, to)) continue;
    } else if (to.resume == &resume_with_state) {
      bring_state(desk, to);
    }
    desk.set_running(&to);
    return &to;
  }
  desk.at.hand_over = picked;
  desk.set_running(nullptr);
  return nullptr;
}

void enqueue_movable(control_block& block) noexcept;

// The worker's own stack.
void switch_from_ground(fiber_desk& desk, control_block& to) noexcept {
  desk.set_running(&to);
  switch_context(desk.ground, to.saved);
  if (desk.uncommitted) {  // [fiber-3]
    control_block& left = *std::exchange(desk.uncommitted, nullptr);
    if (left.parked.commit_park() == park_word::park_result::notified_already) enqueue_movable(left);
  }
}

// A movable fiber that was sent to this worker and no other.
void resume_migrated(runnable& r) noexcept {
  r.home = nullptr;
  r.resume = &resume_with_state;
  resume_with_state(r);
}

void enqueue_movable(control_block& block) noexcept {
  scheduler& of = block.of->owner();
  worker* const here = current_worker();
  if (of.settings().debug.migrate_always && of.worker_count() > 1) {
    worker& other = of.worker_at((block.desk->at.index() + 1) % of.worker_count());
    block.home = &other;  // not to be stolen back
    block.resume = &resume_migrated;
    other.send(block);
  } else if (here && &here->owner() == &of) {
    here->push_fresh(block);
  } else {
    of.submit(block);
  }
}

// What is left over of `park_over`.
[[gnu::noinline]] crossing park_slowly(fiber_desk& desk, control_block& self, runnable* picked) noexcept {
  if (!picked)
    park(desk, self);
  else if (picked != &self)
    leave_slowly(desk, self, picked);  // [fiber-2]
  return {};
}

}  // namespace

// The first frame on a stack. Runs one fiber after the other, as long as fresh ones fit. [fiber-4]
[[noreturn]] void fiber_main(void* argument) noexcept {
  control_block* self = static_cast<control_block*>(argument);
  for (;;) {
    run_body(*self);
    stack* const ground = self->ground;
    fiber_desk* here = self->desk;
    for (;;) {
      here->finished.take_over(self->saved, ground->low, ground->top());
      if (finish(*here, *self)) break;
      settle(*self);
      here = self->desk;
    }
    fiber_desk& desk = *here;  // `self` may be gone
    runnable* const picked = desk.at.pick();
    if (picked && is_fresh(*picked)) {
      control_block& fresh = block_of(*picked);
      if (fresh.kind.size_class == ground->size_class) [[likely]] {
        settle_on(desk, fresh, ground);
        desk.set_running(&fresh);
        renew(desk.finished, fresh.saved);
        self = &fresh;
        continue;
      }
    }
    if (picked && picked->resume == &resume_fiber) [[likely]] {
      control_block& to = block_of(*picked);
      desk.stacks.give(ground);
      desk.set_running(&to);
      switch_from_finished(desk.finished, to.saved);
    }
    control_block* const to = bring(desk, picked);
    desk.stacks.give(ground);  // only now: `bring` takes stacks, and what it starts must not begin on this one
    switch_from_finished(desk.finished, to ? to->saved : desk.ground);
  }
}

void start_fiber(runnable& r) noexcept {
  fiber_desk& desk = *desk_here();
  control_block& fresh = block_of(r);
  if (bind(desk, fresh)) switch_from_ground(desk, fresh);
}

void resume_fiber(runnable& r) noexcept { switch_from_ground(*desk_here(), block_of(r)); }

void resume_with_state(runnable& r) noexcept {
  fiber_desk& desk = *desk_here();
  bring_state(desk, block_of(r));
  switch_from_ground(desk, block_of(r));
}

void leave_slowly(fiber_desk& desk, control_block& self, runnable* picked) noexcept {
  keep_state(desk, self);
  control_block* const to = bring(desk, picked);
  if (to == &self) return;  // by way of fresh ones that got no stack
  switch_context(self.saved, to ? to->saved : desk.ground);
}

// It calls nothing that comes back, and so saves few registers. Its caller saves none, as long as this is not inlined: of
// an inlined function's last call the compiler makes a plain one.
[[gnu::noinline]] crossing park_over(fiber_desk& desk, control_block& self) noexcept {
  runnable* const picked =
      self.resume == &resume_fiber && desk.exceptions->is_zero() ? desk.at.pick_quickly() : nullptr;
  if (!picked) [[unlikely]]
    return park_slowly(desk, self, nullptr);
  if (picked->resume == &start_fiber) {
    control_block& fresh = block_of(*picked);
    stack* const ground = desk.stacks.take_hot(fresh.kind.size_class);
    if (!ground) [[unlikely]]
      return park_slowly(desk, self, picked);
    place(desk, fresh, *ground);
  } else if (picked == &self || picked->resume != &resume_fiber) [[unlikely]] {
    return park_slowly(desk, self, picked);
  } else {
    prefetch_after(desk);
  }
  desk.set_running(&block_of(*picked));
  return cross_over(self.saved, block_of(*picked).saved);
}

void park_movable(fiber_desk& desk, control_block& self) noexcept {
  keep_state(desk, self);
  desk.uncommitted = &self;
  desk.at.hand_over = desk.at.pick();
  desk.set_running(nullptr);
  switch_context(self.saved, desk.ground);
}

void unpark_fiber(waiter& w) noexcept {
  control_block& block = block_of(w);
  if (worker* const home = block.home) [[likely]] {
    if (home == this_thread.running)
      home->push_ready(block);
    else
      home->send(block);
  } else if (block.parked.unpark() == park_word::unpark_duty::enqueue) {
    enqueue_movable(block);
  }
}

void enqueue_fresh(control_block& block) noexcept {
  worker* const here = this_thread.running;
  if (block.home) {
    if (block.home == here)
      here->push_ready(block);
    else
      block.home->send(block);
  } else if (here && &here->owner() == &block.of->owner()) [[likely]] {
    here->push_fresh(block);
  } else {
    block.of->owner().submit(block);
  }
}

}  // namespace weft::detail
