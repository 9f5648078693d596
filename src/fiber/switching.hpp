// SPDX-License-Identifier: BSL-1.0
// How fibers come onto a worker and leave it. The home of the parking protocol.
//
// Protocol
//  [fiber-1] A fiber that waits arms its claim, shows its wait nodes, then parks: it picks what runs next and switches
//            to it directly, or to the worker's own stack if that is no fiber, or nothing.
//  [fiber-2] A sticky fiber may be enqueued before it has switched away, because only its own worker resumes it, and
//            that one looks at its queues only once the fiber has picked. If it picks itself, it just goes on.
//  [fiber-3] A movable fiber is enqueued where others can take it, so its waker and the worker that it leaves agree by
//            its park word ([park-1] to [park-4]): whoever finds the other one done enqueues it. It parks by way of the
//            worker's own stack, which commits, so that no other fiber has to ask after a switch.
//  [fiber-4] A fiber that ends hands its stack to the next fresh fiber without any switch; else the stack goes to the
//            worker's cache while the fiber still stands on it, and the worker, being busy here, does not use it yet.
//  [fiber-5] `resume` tells how much is to be done. `start_fiber`: a fresh one. `resume_fiber`: one of this worker, of
//            which nothing but the registers was kept, the common case. `resume_with_state`: movable ones, and those that
//            switched away while they handled an exception.
#pragma once

#include "fiber/fibers.hpp"
#include "sched/pick.hpp"

namespace weft::detail {

// How a worker's own stack resumes a runnable of this kind; and what tells started fibers from fresh ones.
void start_fiber(runnable& r) noexcept;
void resume_fiber(runnable& r) noexcept;
void resume_with_state(runnable& r) noexcept;
// Any thread; the claim was won.
void unpark_fiber(waiter& w) noexcept;

// A fresh fiber into the queues. Any thread.
void enqueue_fresh(control_block& block) noexcept;

// The first frame of every fiber.
[[noreturn]] void fiber_main(void* argument) noexcept;

// Out of line: whatever is not "one of [fiber-5]'s common case, or a fresh one, follows".
void leave_slowly(fiber_desk& desk, control_block& self, runnable* picked) noexcept;
void park_movable(fiber_desk& desk, control_block& self) noexcept;

// A fresh fiber upon this stack.
inline void settle_on(fiber_desk& desk, control_block& fresh, stack* ground) noexcept {
  fresh.ground = ground;
  fresh.desk = &desk;
  fresh.resume = fresh.kind.movable ? &resume_with_state : &resume_fiber;
  fresh.home = fresh.kind.movable ? nullptr : &desk.at;
}

// The same, and it can be switched to.
inline void place(fiber_desk& desk, control_block& fresh, stack& ground) noexcept {
  settle_on(desk, fresh, &ground);
  fresh.saved.prepare(ground.low, ground.top(), &fiber_main, &fresh);
}

// While one goes on and another one, `after`, is next, the top of the stack of the third is loaded, and the line of the
// links of the fourth: so the third's is there already. (Measured on Zen 4: a yield among 10,000 fibers takes 27 ns with
// nothing loaded and 22 so, as with the second's stack; but among 2, who have no third, 4.9 instead of 5.3. Reaching
// further ahead gains nothing.)
[[gnu::always_inline]] inline void prefetch(const runnable& after) noexcept {
  runnable* const third = after.next;
  if (!third || third->resume != &resume_fiber) return;
  __builtin_prefetch(third->next);
  __builtin_prefetch(block_of(*third).saved.stack_pointer());
}
[[gnu::always_inline]] inline void prefetch_after(fiber_desk& desk) noexcept {
  if (runnable* const after = desk.at.peek()) prefetch(*after);
}

// The running fiber leaves to one of the common case.
[[gnu::always_inline]] inline void leave_to_started(fiber_desk& desk, control_block& self, control_block& to) noexcept {
  prefetch_after(desk);
  desk.set_running(&to);
  switch_context(self.saved, to.saved);
}

// The running fiber leaves to what was picked, and goes on when it is resumed.
[[gnu::always_inline]] inline void leave(fiber_desk& desk, control_block& self, runnable* picked) noexcept {
  if (!picked || !desk.exceptions->is_zero()) [[unlikely]] {
    leave_slowly(desk, self, picked);
    return;
  }
  if (picked->resume == &resume_fiber) [[likely]] {
    leave_to_started(desk, self, block_of(*picked));
    return;
  }
  if (picked->resume == &start_fiber) {
    control_block& fresh = block_of(*picked);
    if (stack* const ground = desk.stacks.take_hot(fresh.kind.size_class)) {
      place(desk, fresh, *ground);
      desk.set_running(&fresh);
      switch_context(self.saved, fresh.saved);
      return;
    }
  }
  leave_slowly(desk, self, picked);
}

// The running fiber. [fiber-1] Returns when it was unparked.
[[gnu::always_inline]] inline void park(fiber_desk& desk, control_block& self) noexcept {
  if (self.kind.movable) [[unlikely]] {
    park_movable(desk, self);
    return;
  }
  runnable* const picked = desk.at.pick();
  if (picked != &self) leave(desk, self, picked);  // [fiber-2]
}

// The same for a function that leaves the switch to its caller, in the program, and calls this last.
[[nodiscard]] crossing park_over(fiber_desk& desk, control_block& self) noexcept;

// The running fiber. Lets others run and goes on; returns at once if nobody else is ready.
[[gnu::always_inline]] inline void yield(fiber_desk& desk, control_block& self) noexcept {
  runnable* const picked = desk.at.pick();
  if (!picked) return;
  desk.at.push_ready(self);
  if (picked->resume == &resume_fiber && desk.exceptions->is_zero()) [[likely]]
    leave_to_started(desk, self, block_of(*picked));
  else
    leave_slowly(desk, self, picked);
}

}  // namespace weft::detail
