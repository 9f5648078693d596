// SPDX-License-Identifier: BSL-1.0
// What a runtime is made with.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>

namespace weft {

class fiber_ref;

// Beside the two variables below operators may set WEFT_DEBUG, to words with commas between: `hooks` and `locks` are told
// of in docs/hooks.md; migrate=always moves movable fibers at every park, guards=mprotect and mappings=N guard stacks as on
// older kernels, with so many mappings: all three are for tests. A bad value of any is an invalid_argument that names it.
struct options {
  // Threads that run fibers. 0: WEFT_WORKERS if set, else one per CPU of the affinity mask. Above 1,024: invalid_argument.
  unsigned workers = 0;
  // Usable bytes of a fiber's stack, virtual, committed page by page as touched; rounded up to its class.
  // WEFT_STACK_SIZE, whose number may end in K, M or G, replaces the default. invalid_argument for less than a frame and
  // a signal need (12 KiB and more), and for more than the machine has memory.
  // The guard below takes 16 KiB: a frame with a larger array steps over it, unless it was compiled with
  // -fstack-clash-protection (Ubuntu's compilers do that by themselves), which touches page after page.
  std::size_t stack_size = default_stack_size;
  // Whether spawned fibers may be resumed by another worker after a park, unless spawn_options says otherwise.
  bool movable = false;
  // Ceiling of the pool behind blocking(). 0: invalid_argument.
  unsigned blocking_threads = 64;
  // Install the SIGSEGV handler that names the fiber whose stack overflowed.
  bool overflow_report = true;
  // Allow stacks without a guard when the kernel can give no more of them.
  bool unguarded_stacks = false;
  // One line on stderr when a fiber or task holds its worker longer than this; 0: off. Negative: invalid_argument.
  std::chrono::nanoseconds hog_threshold = std::chrono::milliseconds(100);
  // Called with an exception of a fiber that nobody can observe, instead of ending the runtime: on a worker, or on the
  // thread that drops the handle of a fiber that has failed. Must not throw, nor shut the runtime down, which waits for it.
  // What a task throws unobserved ends the runtime all the same.
  std::function<void(std::exception_ptr, fiber_ref)> on_unhandled = {};

  static constexpr std::size_t default_stack_size = std::size_t{256} << 10;
};

}  // namespace weft
