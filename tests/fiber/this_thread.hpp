// SPDX-License-Identifier: BSL-1.0
// The thread that runs the caller, asked anew after every park.
#pragma once

#include <pthread.h>

namespace weft::test {

// Out of line, so that nothing of a thread is kept across a park.
[[gnu::noinline]] inline pthread_t this_thread_now() {
  asm volatile("" ::: "memory");
  return pthread_self();
}

}  // namespace weft::test
