// SPDX-License-Identifier: BSL-1.0
#include <weft/stackless/task_group.hpp>

#include <algorithm>

#include "stackless/loop_core.hpp"

namespace weft::stackless {

task_group::task_group() : loop_(detail::running_loop()), parent_(current_task()) {}

void task_group::require_open() const {
  if (!loop_.is_on_worker())
    detail::throw_loop_error("weft::stackless: a task_group is used by the tasks of its own event loop only");
  if (aborting_) detail::throw_loop_error("weft::stackless: the task_group is ending");
}

void task_group::admit(const any_future& child) {
  children_.push_back(child);
  child.add_callback_in_any_case([this](const any_future& which) { ended(which); });
  ++unfinished_;  // behind what may fail; callbacks are never called at once
}

void task_group::ended(const any_future& child) {
  children_.erase(std::find(children_.begin(), children_.end(), child));
  --unfinished_;
  if (!child.cancelled()) {
    if (const std::exception_ptr error = child.exception()) {
      errors_.push_back(error);
      if (!aborting_) {
        abort();
        // The body waits for something else: it is told by a cancellation, which is taken back in `finish`.
        if (!all_ended_ && parent_) parent_cancelled_ = parent_.cancel();
      }
    }
  }
  if (unfinished_ == 0 && all_ended_ && !all_ended_->done()) all_ended_->set_result();
}

void task_group::abort() {
  aborting_ = true;
  for (const any_future& child : std::vector<any_future>(children_)) child.cancel();
}

task<> task_group::finish(std::exception_ptr error, bool is_cancelled) {
  // A cancellation that the group itself has asked for goes no further, unless there is another one.
  if (parent_cancelled_ && parent_.uncancel() == 0) is_cancelled = false;
  if (error) errors_.push_back(std::move(error));
  if (!aborting_ && (is_cancelled || !errors_.empty())) abort();
  while (unfinished_ > 0) {
    all_ended_.emplace(loop_);
    try {
      co_await *all_ended_;
    } catch (const cancelled&) {
      is_cancelled = true;
    }
    if (is_cancelled && !aborting_) abort();
  }
  if (!errors_.empty()) {
    // The group that is thrown hides a cancellation from outside: it strikes again, and is counted once.
    if (is_cancelled && parent_.cancelling() > 0) {
      parent_.uncancel();
      parent_.cancel();
    }
    throw exception_group(std::move(errors_));
  }
  if (is_cancelled) throw cancelled();
}

}  // namespace weft::stackless
