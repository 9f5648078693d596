// SPDX-License-Identifier: BSL-1.0
// A runnable is what a worker runs: a fiber, a stackless task, a callback. The scheduler knows no more of it.
//
// Invariants
//  - A runnable lies in at most one queue at a time; `next` belongs to that queue.
//  - `home` is the worker that alone may resume it, or null while any worker may (fresh, or movable and parked).
//    It is written by the worker that resumes the runnable, and read by whoever enqueues it.
#pragma once

namespace weft::detail {

class worker;  // floor 4; here only a name

struct runnable {
  // Runs on the worker's own stack, or is compared by its kind with its own function and switched to directly.
  using resume_function = void (*)(runnable&) noexcept;

  explicit runnable(resume_function how) noexcept : resume(how) {}
  runnable(const runnable&) = delete;
  runnable& operator=(const runnable&) = delete;

  runnable* next = nullptr;
  resume_function resume;
  worker* home = nullptr;
};

}  // namespace weft::detail
