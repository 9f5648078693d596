// SPDX-License-Identifier: BSL-1.0
// sleep() and yield() of tasks.
#pragma once

#include <coroutine>
#include <weft/base/deadline.hpp>
#include <weft/base/error.hpp>
#include <weft/detail/stackless/operation.hpp>

namespace weft::detail {

class task_sleep : public leaf {
 public:
  explicit task_sleep(deadline until) noexcept : until_(until) {}
  [[nodiscard]] bool await_ready() {
    if (!wait_.begin(self(), "its sleep to end")) throw cancelled();
    wait_.wake_at(until_);
    return false;
  }
  template <class Promise> std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> frame) noexcept {
    self().leaf = frame;
    return run_others(self());
  }
  void await_resume() {
    if (wait_.end() == outcome::cancelled) throw cancelled();
  }

 private:
  const deadline until_;
  task_wait wait_;
};

// Queues the task behind those that are ready.
[[nodiscard]] std::coroutine_handle<> yield_to_others(task_core& self) noexcept;

class task_yield : public leaf {
 public:
  task_yield() = default;
  [[nodiscard]] bool await_ready() const {
    if (self().word.pending()) [[unlikely]]
      throw_cancelled(self());
    return false;
  }
  template <class Promise> std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> frame) noexcept {
    self().leaf = frame;
    return yield_to_others(self());
  }
  void await_resume() const noexcept {}
};

}  // namespace weft::detail

namespace weft::stackless {

// co_await: not before that time has passed. Throws `cancelled`.
[[nodiscard]] inline detail::task_sleep sleep(deadline until) noexcept { return detail::task_sleep(until); }

// co_await: lets others run. Throws `cancelled`.
[[nodiscard]] inline detail::task_yield yield() noexcept { return {}; }

}  // namespace weft::stackless
