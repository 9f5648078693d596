// SPDX-License-Identifier: BSL-1.0
#include "sync/identity.hpp"

#include "fiber/fibers.hpp"
#include "fiber/thread_waiter.hpp"
#include "stackless/tasks.hpp"

namespace weft::detail {

static_assert(alignof(control_block) >= 64 && alignof(task_core) >= 64 && alignof(thread_waiter) >= 64);

std::uint64_t identity_here() {
  if (const control_block* const fiber = current_fiber()) return reinterpret_cast<std::uintptr_t>(fiber);
  if (worker* const here = current_worker()) {
    if (const task_core* const task = task_desk_of(*here).running()) return reinterpret_cast<std::uintptr_t>(task);
  }
  return reinterpret_cast<std::uintptr_t>(&thread_waiter::mine());
}

}  // namespace weft::detail
