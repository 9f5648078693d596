// SPDX-License-Identifier: BSL-1.0
#include "sched/this_thread.hpp"

#include <pthread.h>

#include <new>

namespace weft::detail {

[[gnu::used]] constinit thread_local thread_state this_thread;  // assembly in programs names it

[[gnu::noinline]] worker* current_worker() noexcept {
  asm volatile("" ::: "memory");  // and not merged with another call by the compiler's purity analysis
  return this_thread.running;
}

[[gnu::noinline]] const running_slot* slot_by_call() noexcept {
  asm volatile("" ::: "memory");
  return this_thread.fiber;
}

void forget_in_children() {
  static const bool at_fork = [] {
    if (pthread_atfork(nullptr, nullptr, [] { this_thread = {}; }))
      throw std::bad_alloc();  // the next call tries again
    return true;
  }();
  static_cast<void>(at_fork);
}

}  // namespace weft::detail
