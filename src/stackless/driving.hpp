// SPDX-License-Identifier: BSL-1.0
// How a worker runs tasks. The home of the protocol of switching among them.
//
// Protocol
//  [task-1] A task that waits arms its claim, shows its wait nodes, leaves where it goes on in its block (`leaf`), and
//           picks what runs next. Is that a task, its coroutine is resumed by symmetric transfer; anything else is handed
//           over to the worker's loop, and so are tasks whose steps are to be timed, or that must not begin.
//  [task-2] It may be enqueued before its frame is suspended, because only its own worker resumes it, and that one looks
//           at its queues only once await_suspend runs. If it picks itself, it goes on.
//  [task-3] While a task is in an `operation`, its `resume` says so: whoever picks it asks the operation first whether
//           the task goes on.
//  [task-4] A root that ends returns to the worker's loop, which only then tells the joiner: the frame is left for good,
//           and may be destroyed from another worker.
//  [task-5] But if a task of the same worker joins it directly, that one is told at once and transferred to: it cannot
//           destroy the frame before the transfer has left it. The ending root sees a joiner in its word, then the
//           worker as that one's home, and ends if its word is still the same. In between, the joiner may be cancelled,
//           and then the word differs; it cannot have ended, or join anew: nothing else runs on this worker.
#pragma once

#include "stackless/tasks.hpp"

namespace weft::detail {

// How the worker's loop resumes a task; and what tells the kinds apart.
void resume_task(runnable& r) noexcept;
void resume_operation(runnable& r) noexcept;
void start_task(runnable& r) noexcept;
// The same for one that is to see to others that have begun: also when it was cancelled before, unless its runtime ends.
void start_all_the_same(runnable& r) noexcept;
// As `resume_task`, in the debug mode of an event loop: tells who holds the worker for long. Nobody transfers to it.
void resume_watched(runnable& r) noexcept;
// Any thread; the claim was won.
void unpark_task(waiter& w) noexcept;

// The frame and the block of a task that has ended, and that nobody refers to any more. Any thread.
void recycle_task(task_core& task) noexcept;
// A task that has ended, and that nobody will join: its error goes to those who handle what nobody observes, or to
// stderr when its runtime is gone. Any thread.
void let_go(task_core& task) noexcept;

}  // namespace weft::detail
