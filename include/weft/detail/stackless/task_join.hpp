// SPDX-License-Identifier: BSL-1.0
// What the templates of handles call: the start, the join and the end of a spawned task.
#pragma once

#include <coroutine>
#include <cstdint>
#include <source_location>
#include <string>
#include <weft/detail/stackless/operation.hpp>

namespace weft {
class runtime;
}

namespace weft::detail {

// A block for a task whose outermost coroutine is `root`, still to be started; the frame belongs to it from here on.
// `of` null: the caller's runtime. Throws std::system_error and bad_alloc.
[[nodiscard]] task_core& new_task(runtime* of, std::coroutine_handle<> root, promise_base* promise,
                                  std::source_location where);
void start(task_core& core) noexcept;
// Both, on the caller's runtime. If it throws, the frame is the caller's still.
[[nodiscard]] task_core& start_new(std::coroutine_handle<> root, promise_base* promise, std::source_location where);

[[noreturn]] void throw_no_task();
// The handle's owner. Throws invalid_argument for null.
[[nodiscard]] inline task_core& verified(task_core* core) {
  if (!core) [[unlikely]]
    throw_no_task();
  return *core;
}
// The handle's owner.
bool cancel(task_core& core) noexcept;
// With `end` locked. `number`: of `cancellations`. True: it has to be unparked when that is unlocked.
[[nodiscard]] bool request_cancel(task_core& core, std::uint64_t number) noexcept;
[[nodiscard]] std::string default_name(const task_core& core);
// The handle's owner, when the task has ended: its frame and its block go.
void release(task_core& core) noexcept;
// The handle's owner: nobody will join it.
void drop(task_core& core) noexcept;
[[noreturn]] void throw_was_cancelled();
[[noreturn]] void throw_awaits_itself();

// A task waits for the end of another one: directly, as `completion` tells.
class task_join {
 public:
  [[nodiscard]] bool await_ready() const {
    if (self_.word.pending()) [[unlikely]]
      throw_cancelled(self_);
    return whom_.end.has_ended();
  }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> frame) noexcept {
    self_.leaf = frame;
    return wait();
  }

 protected:
  // Throws resource_deadlock_would_occur if they are the same.
  task_join(task_core& whom, task_core& self) : whom_(whom), self_(self) {
    if (&whom == &self) [[unlikely]]
      throw_awaits_itself();
  }
  // Throws `cancelled`, and invalid_argument if somebody else is joining.
  void finish_waiting() {
    if (course_ != course::straight) after_wait();
  }

 private:
  enum class course : std::uint8_t { straight, waited, cancelled, refused };

  [[nodiscard]] std::coroutine_handle<> wait() noexcept;
  void after_wait();

  task_core& whom_;
  task_core& self_;
  course course_ = course::straight;
};

// A task waits for the end of another one, no longer than until a point in time. What it has in the end: whether that
// came.
class task_join_until : public leaf {
 public:
  task_join_until(task_core& whom, deadline until) noexcept : whom_(whom), until_(until) {}
  [[nodiscard]] bool await_ready() const;
  template <class Promise> std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> frame) noexcept {
    self().leaf = frame;
    return wait();
  }
  [[nodiscard]] bool await_resume();

 private:
  // `overtaken`: it need not have waited, but a cancellation was faster.
  enum class course : std::uint8_t { straight, waited, cancelled, overtaken, refused };

  [[nodiscard]] std::coroutine_handle<> wait() noexcept;

  task_core& whom_;
  const deadline until_;
  task_wait wait_;
  course course_ = course::straight;
};

}  // namespace weft::detail
