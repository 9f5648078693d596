// SPDX-License-Identifier: BSL-1.0
#include <weft/stackless/run.hpp>

#include <exception>
#include <utility>
#include <vector>
#include <weft/base/error.hpp>

#include "stackless/tasks.hpp"

namespace weft::detail {

void refuse_run_on_worker() {
  if (this_thread.running) throw_error(std::errc::operation_not_permitted, "weft: stackless::run() on a fiber or task");
}

void finish_run(runtime& of, task_core& main) {
  scheduler& on = scheduler_of(of);
  auto& all = static_cast<tasks&>(on.of(kind::tasks));
  all.wait_for(main);
  of.shutdown();
  std::vector<std::exception_ptr> errors;
  for (const kind k : {kind::tasks, kind::fibers}) on.of(k).take_errors(errors);
  if (errors.empty()) return;
  // The main task's cancellation is but a consequence of the first of the others.
  if (main.how == task_core::fate::failed) errors.push_back(std::exchange(main.promise->error, nullptr));
  if (errors.size() == 1) std::rethrow_exception(std::move(errors.front()));
  throw exception_group(std::move(errors));
}

}  // namespace weft::detail
