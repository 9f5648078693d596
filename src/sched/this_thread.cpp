// SPDX-License-Identifier: BSL-1.0
#include "sched/this_thread.hpp"

namespace weft::detail {

constinit thread_local thread_state this_thread;

[[gnu::noinline]] worker* current_worker() noexcept {
  asm volatile("" ::: "memory");  // and not merged with another call by the compiler's purity analysis
  return this_thread.running;
}

}  // namespace weft::detail
