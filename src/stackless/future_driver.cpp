// SPDX-License-Identifier: BSL-1.0
#include <string>
#include <utility>
#include <weft/detail/stackless/driven_future.hpp>
#include <weft/detail/stackless/executor_call.hpp>
#include <weft/detail/stackless/task_join.hpp>

#include "sched/scheduler.hpp"
#include "stackless/driving.hpp"
#include "stackless/loop_core.hpp"

namespace weft::detail {

void future_driver::start(loop_core& on, std::coroutine_handle<> frame, promise_base* promise, std::string_view name,
                          std::source_location where, stackless::task_ref stands_for, bool all_the_same) {
  auto kept = name.empty() ? nullptr : std::make_unique<std::string>(name);
  const loop_core::admission admitted(on);  // [loop-5]
  task_core& task = new_task(&on.at().owner().face(), frame, promise, where);
  task.thread_waits = false;
  task.name = kept.release();
  task.follower = this;
  task.hidden = bool(stands_for);
  if (all_the_same) task.resume = &start_all_the_same;
  task_ = stands_for ? stands_for : stackless::task_ref(task, task.id);
  if (on.start(task)) return;
  task.root = nullptr;  // the caller's still
  recycle_task(task);
  throw_loop_error("weft::stackless: the event loop is closed");
}

stackless::task_ref start_hidden(loop_core& on, stackless::task<>& what, std::source_location where) {
  const loop_core::admission admitted(on);  // [loop-5]
  const auto frame = task_access::frame_of(what);
  task_core& task = new_task(&on.at().owner().face(), frame, &frame.promise(), where);
  task.thread_waits = false;
  task.hidden = true;
  const stackless::task_ref made(task, task.id);
  if (on.start(task)) {
    task_access::release(what);
    return made;
  }
  task.root = nullptr;
  recycle_task(task);
  throw_loop_error("weft::stackless: the event loop is closed");
}

void future_driver::refuse_settling() {
  throw_invalid_state("weft::stackless: a task settles this future; it cannot be set");
}

std::exception_ptr take_error(task_core& task) noexcept {
  task.how = task_core::fate::returned;
  return std::exchange(task.promise->error, nullptr);
}

void submit(loop_core& on, std::unique_ptr<blocking_job> what) {
  const loop_core::admission admitted(on);  // [loop-5]
  on.at().owner().blocking().submit(*what);
  (void)what.release();
}

}  // namespace weft::detail
