// SPDX-License-Identifier: BSL-1.0
// The promises of tasks: how a coroutine ends, where it goes on then, and what it may await.
//
// Every coroutine of one spawned task names that task (`self`), and is resumed by it alone. An end goes on with whoever
// awaits it by symmetric transfer. The end of a root is told to its joiner only when the frame is left, because another
// worker may destroy it at once: [task-4], [task-5] in driving.hpp.
#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <memory>
#include <new>
#include <source_location>
#include <type_traits>
#include <utility>
#include <weft/detail/stackless/frame.hpp>
#include <weft/detail/stackless/operation.hpp>

namespace weft::detail {

struct promise_base;

// A coroutine is destroyed that never ran. In debug mode that is told.
void note_never_awaited(const promise_base& of) noexcept;

// On the task's worker. What goes on now: its joiner, or the worker's loop, which finishes it.
[[nodiscard]] std::coroutine_handle<> end_of_root(task_core& self) noexcept;

// What may stand behind co_await in a task: an operation of weft's, which is told whose it is; whoever is asked for an
// awaiter of this task (tasks, handles, futures); and what has an operator co_await that returns one of these.
template <class What>
concept leaf_like = std::derived_from<std::remove_cvref_t<What>, leaf>;
template <class What>
concept knows_tasks = requires(What&& what, task_core& task) {
  std::forward<What>(what).awaited_by(task);
};

template <class What>
requires requires(What&& what) { std::forward<What>(what).operator co_await(); }
decltype(auto) call_await_operator(What&& what) { return std::forward<What>(what).operator co_await(); }
template <class What>
requires requires(What&& what) { operator co_await(std::forward<What>(what)); }
decltype(auto) call_await_operator(What&& what) { return operator co_await(std::forward<What>(what)); }
template <class What> using await_operator_result = decltype(call_await_operator(std::declval<What>()));
template <class What>
concept has_await_operator = requires(What&& what) {
  requires leaf_like<await_operator_result<What>> || knows_tasks<await_operator_result<What>>;
};

template <class What>
concept may_be_awaited = leaf_like<What> || knows_tasks<What> || has_await_operator<What>;

// Stands for a leaf in a co_await, because g++ 12 copies what await_transform returns by reference.
template <class Leaf> class awaited {
 public:
  explicit awaited(Leaf& what) noexcept : what_(what) {}
  [[nodiscard]] bool await_ready() const noexcept(noexcept(std::declval<Leaf&>().await_ready())) {
    return what_.await_ready();
  }
  template <class Promise> std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> frame) const noexcept {
    return what_.await_suspend(frame);
  }
  decltype(auto) await_resume() const { return what_.await_resume(); }

 private:
  Leaf& what_;
};

// Keeps what an operator co_await returned, and the awaiter made of that.
template <class Kept> class awaited_through {
 public:
  template <class What>
  awaited_through(What&& what, task_core& self)
      : kept_(call_await_operator(std::forward<What>(what))), awaiter_(make(kept_, self)) {}
  awaited_through(const awaited_through&) = delete;
  awaited_through& operator=(const awaited_through&) = delete;
  [[nodiscard]] bool await_ready() { return awaiter_.await_ready(); }
  template <class Promise> decltype(auto) await_suspend(std::coroutine_handle<Promise> frame) {
    return awaiter_.await_suspend(frame);
  }
  decltype(auto) await_resume() { return awaiter_.await_resume(); }

 private:
  static auto make(Kept& kept, task_core& self) {
    if constexpr (leaf_like<Kept>) {
      kept.belongs_to(self);
      return awaited<std::remove_reference_t<Kept>>(kept);
    } else {
      return std::forward<Kept>(kept).awaited_by(self);
    }
  }

  Kept kept_;
  decltype(make(std::declval<Kept&>(), std::declval<task_core&>())) awaiter_;
};

struct promise_base : promise_in_frame {
  class at_end {
   public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> frame) const noexcept {
      promise_base& ended = frame.promise();
      return ended.awaits_it ? transfer(*ended.self, ended.awaits_it) : end_of_root(*ended.self);
    }
    void await_resume() const noexcept {}
  };

  promise_base() noexcept {}
  promise_base(const promise_base&) = delete;
  promise_base& operator=(const promise_base&) = delete;

  std::suspend_always initial_suspend(std::source_location where = std::source_location::current()) noexcept {
    stands_at = where;
    return {};
  }
  at_end final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }

  template <class Awaited>
  decltype(auto) await_transform(Awaited&& what, std::source_location where = std::source_location::current()) {
    stands_at = where;
    if constexpr (leaf_like<Awaited>) {
      what.belongs_to(*self);
      return awaited<std::remove_reference_t<Awaited>>(what);
    } else if constexpr (knows_tasks<Awaited>) {
      return std::forward<Awaited>(what).awaited_by(*self);
    } else if constexpr (has_await_operator<Awaited>) {
      return awaited_through<await_operator_result<Awaited>>(std::forward<Awaited>(what), *self);
    } else {
      static_assert(
          may_be_awaited<Awaited>,
          "weft::stackless: this cannot stand behind co_await in a task. What can: a task (std::move one that "
          "has a name), a task_handle, a future, what weft's own async functions return, and what has an "
          "operator co_await that returns one of these");
    }
  }

  task_core* self = nullptr;          // when it runs
  std::coroutine_handle<> awaits_it;  // null: it is the root
  promise_base* callee = nullptr;     // while it awaits another coroutine
  std::source_location stands_at;     // its latest co_await, or its beginning
  std::exception_ptr error;
};

template <class T> class promise_of : public promise_base {
 public:
  promise_of() noexcept {}
  ~promise_of() {
    if (has_value_) std::destroy_at(std::addressof(value_));
  }

  template <class U = T>
  requires std::constructible_from<T, U>
  void return_value(U&& value) noexcept(std::is_nothrow_constructible_v<T, U>) {
    ::new (static_cast<void*>(std::addressof(value_))) T(std::forward<U>(value));
    has_value_ = true;
  }
  // After the end: the value is moved out, or the error thrown.
  [[nodiscard]] T take() {
    if (error) [[unlikely]]
      std::rethrow_exception(std::exchange(error, nullptr));
    return std::move(value_);
  }

 private:
  union {
    T value_;
  };
  bool has_value_ = false;
};

template <class T> class promise_of<T&> : public promise_base {
 public:
  void return_value(T& value) noexcept { value_ = std::addressof(value); }
  [[nodiscard]] T& take() {
    if (error) [[unlikely]]
      std::rethrow_exception(std::exchange(error, nullptr));
    return *value_;
  }

 private:
  T* value_ = nullptr;
};

template <> class promise_of<void> : public promise_base {
 public:
  void return_void() const noexcept {}
  void take() {
    if (error) [[unlikely]]
      std::rethrow_exception(std::exchange(error, nullptr));
  }
};

}  // namespace weft::detail
