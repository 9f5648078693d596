// SPDX-License-Identifier: BSL-1.0
// start_eagerly(): a task that runs at once, up to its first wait. asyncio's eager tasks.
#pragma once

#include <coroutine>
#include <source_location>
#include <utility>
#include <weft/detail/stackless/operation.hpp>
#include <weft/stackless/task.hpp>
#include <weft/stackless/task_handle.hpp>

namespace weft::detail {

// The running task lets a new one go first.
class eager_start : public leaf {
 public:
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> frame) noexcept {
    self().leaf = frame;
    return let_it_go_first();
  }

 protected:
  // The block of a new task: it is counted as created with the suspension.
  void is_to_start(task_core& made) noexcept { made_ = &made; }

 private:
  [[nodiscard]] std::coroutine_handle<> let_it_go_first() noexcept;

  task_core* made_ = nullptr;
};

}  // namespace weft::detail

namespace weft::stackless {

// What start_eagerly() returns.
template <class T> class [[nodiscard]] eagerly_started : public detail::eager_start {
 public:
  eagerly_started(task<T>&& what, std::source_location where) noexcept : what_(std::move(what)), where_(where) {}
  [[nodiscard]] bool await_ready() {
    handle_ = detail::task_access::make(what_, where_);
    this->is_to_start(detail::task_access::core_of(handle_));
    return false;
  }
  [[nodiscard]] task_handle<T> await_resume() noexcept { return std::move(handle_); }

 private:
  task<T> what_;
  std::source_location where_;
  task_handle<T> handle_;
};

// co_await: starts a task on the caller's worker and runs it up to its first wait or its end, before the caller goes on,
// as a rule: a task that hands its turn on and on lets others in. Returns the handle. In tasks only; not a cancellation
// point. Throws invalid_argument for an empty task, bad_alloc.
template <class T>
eagerly_started<T> start_eagerly(task<T> what, std::source_location where = std::source_location::current()) {
  return {std::move(what), where};
}

}  // namespace weft::stackless
