// SPDX-License-Identifier: BSL-1.0
// task<T>: a coroutine that starts when it is awaited, or when create_task() or run() is given it. What
// `async def` makes in Python: its coroutine object.
#pragma once

#include <coroutine>
#include <utility>
#include <weft/base/error.hpp>
#include <weft/detail/stackless/promise.hpp>

namespace weft::stackless {

// Owns its frame and destroys it, whether it ever ran or not; a part of the caller's task, not a task of its own.
// `co_await std::move(t)` runs it, on the spot and by symmetric transfer, and returns or throws what it does. A task may
// await tasks, their handles and weft's own operations, and nothing else. Blocking calls, those of fibers among them,
// block the worker. One that is destroyed before it ran is reported in the debug mode of its event loop.
template <class T = void> class [[nodiscard]] task {
  class awaiting;

 public:
  class promise_type : public detail::promise_of<T> {
   public:
    task get_return_object() noexcept { return task(handle_type::from_promise(*this)); }
  };
  using handle_type = std::coroutine_handle<promise_type>;

  // Without a coroutine.
  task() noexcept = default;
  task(task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      if (frame_) frame_.destroy();
      frame_ = std::exchange(other.frame_, nullptr);
    }
    return *this;
  }
  ~task() {
    if (!frame_) return;
    if (!frame_.promise().self) [[unlikely]]
      detail::note_never_awaited(frame_.promise());
    frame_.destroy();
  }

  // For co_await. Throws invalid_argument if it is empty or has ended.
  [[nodiscard]] awaiting awaited_by(detail::task_core& self) && {
    if (!frame_ || frame_.done())
      detail::throw_error(std::errc::invalid_argument,
                          "weft::stackless: co_await of a task that is empty or has ended");
    return awaiting(frame_, self);
  }

  // Whether it has a coroutine: not so when made empty or moved from.
  [[nodiscard]] explicit operator bool() const noexcept { return bool(frame_); }

 private:
  class awaiting {
   public:
    awaiting(handle_type callee, detail::task_core& self) noexcept : callee_(callee) { callee.promise().self = &self; }
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise> std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> caller) noexcept {
      caller_ = &caller.promise();
      caller_->callee = &callee_.promise();
      callee_.promise().awaits_it = caller;
      return transfer(*callee_.promise().self, callee_);
    }
    T await_resume() const {
      caller_->callee = nullptr;
      return callee_.promise().take();
    }

   private:
    const handle_type callee_;
    detail::promise_base* caller_ = nullptr;
  };

  friend class detail::task_access;
  explicit task(handle_type frame) noexcept : frame_(frame) {}

  handle_type frame_;
};

}  // namespace weft::stackless
