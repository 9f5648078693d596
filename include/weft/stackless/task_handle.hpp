// SPDX-License-Identifier: BSL-1.0
// create_task() and what it returns: a task that runs beside its creator, like asyncio's Task.
#pragma once

#include <coroutine>
#include <cstdio>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weft/detail/stackless/task_join.hpp>
#include <weft/stackless/task.hpp>
#include <weft/stackless/task_ref.hpp>

namespace weft::stackless {

template <class T = void> class [[nodiscard]] task_handle {
 public:
  task_handle() noexcept = default;
  explicit task_handle(detail::task_core& core) noexcept : core_(&core) {}
  task_handle(const task_handle&) = delete;  // std::move it: the task has one handle, which whoever takes it keeps
  task_handle& operator=(const task_handle&) = delete;
  task_handle(task_handle&& other) noexcept
      : core_(std::exchange(other.core_, nullptr)),
        taken_(std::exchange(other.taken_, detail::task_core::fate::none)) {}
  task_handle& operator=(task_handle&& other) noexcept {
    if (this != &other) {
      drop();
      core_ = std::exchange(other.core_, nullptr);
      taken_ = std::exchange(other.taken_, detail::task_core::fate::none);
    }
    return *this;
  }
  // Not joined: the task goes on, like asyncio's. What it throws then cancels all that runs and comes out of run(), as
  // what a go() fiber throws does, or goes to stderr when the runtime is gone; options::on_unhandled is not asked.
  ~task_handle() { drop(); }

  // Whether there is a task to join.
  [[nodiscard]] bool joinable() const noexcept { return core_ != nullptr; }
  // Whether it has ended; also when its result has been taken. Any thread. invalid_argument without a task.
  [[nodiscard]] bool done() const { return was_taken() || detail::verified(core_).end.has_ended(); }
  // `cancelled` is thrown where the task waits or, if it does not, where it would wait next; once for each cancel(). A
  // task that has not started never runs. False when it has ended. Does not wait. Any thread. invalid_argument without a
  // task.
  bool cancel() const { return !done() && detail::cancel(*core_); }
  // co_await: only waits. True when it has ended by then; never throws what the task threw, never empties the handle.
  // Throws like the co_await of the handle before the wait, and `cancelled`.
  [[nodiscard]] detail::task_join_until join_until(deadline until) const { return {detail::verified(core_), until}; }
  // As the destructor does.
  void detach() && { drop(); }

  // Refers to the task; to none if there is none. Any thread, as those that follow, which do what task_ref's do: a task
  // that has ended has no name and no stack.
  [[nodiscard]] task_ref ref() const noexcept { return core_ ? task_ref(*core_, core_->id) : task_ref(); }
  [[nodiscard]] std::string name() const { return ref().name(); }
  void set_name(std::string_view name) const { ref().set_name(name); }
  [[nodiscard]] unsigned cancelling() const noexcept { return ref().cancelling(); }
  unsigned uncancel() const noexcept { return ref().uncancel(); }
  [[nodiscard]] std::vector<std::source_location> get_stack(std::size_t limit = std::size_t(-1)) const {
    return ref().get_stack(limit);
  }
  void print_stack(std::FILE* to = stderr, std::size_t limit = std::size_t(-1)) const { ref().print_stack(to, limit); }
  // Whether it has ended by cancellation.
  [[nodiscard]] bool cancelled() const {
    if (was_taken()) return taken_ == detail::task_core::fate::cancelled;
    const detail::task_core& core = detail::verified(core_);
    return core.end.has_ended() && core.how == detail::task_core::fate::cancelled;
  }

  // co_await: waits for the end and returns the result, or throws what the task threw; there is nothing to join then. A task
  // that ended by cancellation: std::system_error (operation_canceled). If the caller is cancelled: `cancelled`, and the
  // handle stays joinable. invalid_argument without a task, resource_deadlock_would_occur on oneself.
  [[nodiscard]] auto awaited_by(detail::task_core& self) {
    (void)detail::verified(core_);
    return joining(*this, self);
  }

 private:
  friend class detail::task_access;

  class joining : public detail::task_join {
   public:
    joining(task_handle& whom, detail::task_core& self) : task_join(*whom.core_, self), whom_(whom) {}
    T await_resume() {
      finish_waiting();
      return whom_.take();
    }

   private:
    task_handle& whom_;
  };

  // It has ended.
  T take() {
    const struct giver {
      detail::task_core& core;
      ~giver() { detail::release(core); }
    } guard{*std::exchange(core_, nullptr)};
    taken_ = guard.core.how;
    if (guard.core.how == detail::task_core::fate::cancelled) [[unlikely]]
      detail::throw_was_cancelled();
    return static_cast<typename task<T>::promise_type&>(*guard.core.promise).take();
  }
  [[nodiscard]] bool was_taken() const noexcept { return taken_ != detail::task_core::fate::none; }
  void drop() noexcept {
    if (core_) detail::drop(*std::exchange(core_, nullptr));
  }

  detail::task_core* core_ = nullptr;
  detail::task_core::fate taken_ = detail::task_core::fate::none;  // what had come of it
};

}  // namespace weft::stackless

// What is between tasks and their handles.
class weft::detail::task_access {
 public:
  // Starts it on the caller's runtime.
  template <class T> static stackless::task_handle<T> start(stackless::task<T>& what, std::source_location where) {
    task_core& core = start_new(what.frame_, what.frame_ ? &what.frame_.promise() : nullptr, where);
    what.frame_ = nullptr;
    return stackless::task_handle<T>(core);
  }
  // Starts it on `of`, or on the caller's runtime if that is null.
  template <class T>
  static stackless::task_handle<T> start(runtime* of, stackless::task<T>& what, std::source_location where,
                                         std::string_view name = {}) {
    stackless::task_handle<T> handle = make(what, where, of);
    if (!name.empty()) [[unlikely]]
      handle.core_->name = new std::string(name);
    detail::start(*handle.core_);
    return handle;
  }
  // Not started yet: either that follows, or the handle goes and takes it along.
  template <class T>
  static stackless::task_handle<T> make(stackless::task<T>& what, std::source_location where, runtime* of = nullptr) {
    task_core& core = new_task(of, what.frame_, what.frame_ ? &what.frame_.promise() : nullptr, where);
    what.frame_ = nullptr;
    return stackless::task_handle<T>(core);
  }
  // Of a task that is to be started otherwise: null if it is empty; and its frame is another's from here on.
  template <class T> static auto frame_of(const stackless::task<T>& what) noexcept { return what.frame_; }
  template <class T> static void release(stackless::task<T>& what) noexcept { what.frame_ = nullptr; }
  template <class T> static task_core& core_of(stackless::task_handle<T>& handle) noexcept { return *handle.core_; }
  template <class T> static task_core& verified_core_of(const stackless::task_handle<T>& handle) {
    return verified(handle.core_);
  }
  template <class T> static T take(stackless::task_handle<T>& handle) { return handle.take(); }
  // It has ended, and nobody asks how.
  template <class T> static void give_up(stackless::task_handle<T>& handle) noexcept {
    detail::release(*std::exchange(handle.core_, nullptr));
  }
};

namespace weft::stackless {

// Starts a task beside the caller, on the same runtime: any worker may take it, and keeps it. Fiber or task. Never parks.
// Throws std::system_error (operation_not_permitted outside a runtime, invalid_argument for an empty task), bad_alloc.
template <class T>
task_handle<T> create_task(task<T> what, std::source_location where = std::source_location::current()) {
  return detail::task_access::start(what, where);
}
// The same with a name, which is copied.
template <class T>
task_handle<T> create_task(task<T> what, std::string_view name,
                           std::source_location where = std::source_location::current()) {
  return detail::task_access::start(nullptr, what, where, name);
}

}  // namespace weft::stackless
