// SPDX-License-Identifier: BSL-1.0
// run(): a runtime for the time of one task, like asyncio.run().
#pragma once

#include <exception>
#include <source_location>
#include <type_traits>
#include <utility>
#include <weft/sched/runtime.hpp>
#include <weft/stackless/task_handle.hpp>

namespace weft::detail {

void refuse_run_on_worker();
// Blocks the thread until the main task has ended, then shuts down. Throws what nobody else could observe, the main
// task's own error among it.
void finish_run(runtime& of, task_core& main);

}  // namespace weft::detail

namespace weft::stackless {

// Starts a runtime, runs `main` on it and returns what that returns or throws. When it has ended all other tasks and
// fibers are cancelled, once each, and waited for. An exception that nobody else could observe comes out of here, too
// (two or more as an exception_group). Any plain thread, which is blocked meanwhile and never becomes a worker; on a
// fiber or task operation_not_permitted. Throws what the constructor of runtime throws.
template <class T>
T run(task<T> main, options with = {}, std::source_location where = std::source_location::current()) {
  detail::refuse_run_on_worker();
  runtime of(std::move(with));
  detail::will_take_errors(of);
  auto handle = detail::task_access::start(&of, main, where);
  detail::finish_run(of, detail::task_access::core_of(handle));
  return detail::task_access::take(handle);
}

}  // namespace weft::stackless
