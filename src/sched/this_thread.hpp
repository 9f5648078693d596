// SPDX-License-Identifier: BSL-1.0
// weft's one thread-local: which worker this thread is.
//
// A fiber that moves finds another thread's variable after a park, and compilers keep the addresses of thread-locals
// across calls. So code reads it once on entry, and after a switch goes on with what the control block says.
#pragma once

#include <cstddef>
#include <weft/detail/sched/running_fiber.hpp>

#include "sched/population.hpp"

namespace weft::detail {

struct exception_state;

struct thread_state {
  const running_slot* fiber = nullptr;  // where the worker says which fiber it runs; null: not one of weft's workers
  worker* running = nullptr;            // null: not one of weft's workers
  population::resident* residents[kinds] = {};
  exception_state* exceptions = nullptr;  // the thread's; on a plain thread once a generator has asked for it
  void* event_loop = nullptr;             // of stackless, on a plain thread: the one that was set for it
  bool event_loop_was_set = false;
};

static_assert(offsetof(thread_state, fiber) == 0);  // `slot_of_this_thread` reads it

extern constinit thread_local thread_state this_thread;

// Out of line, so that the address is computed anew on each call: for callers that may have switched before.
[[nodiscard]] worker* current_worker() noexcept;

// From here on the child of a fork(2) is a plain thread, also if it was a fiber that forked: nothing in it may reach the
// parent's workers. Throws bad_alloc.
void forget_in_children();

}  // namespace weft::detail
