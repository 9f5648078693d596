// SPDX-License-Identifier: BSL-1.0
// sleep() and yield() of tasks: asyncio.sleep, and asyncio.sleep(0).
#pragma once

#include <coroutine>
#include <utility>
#include <weft/base/deadline.hpp>
#include <weft/base/error.hpp>
#include <weft/detail/stackless/operation.hpp>

namespace weft::detail {

class task_sleep : public leaf {
 public:
  explicit task_sleep(deadline until) noexcept : until_(until) {}
  task_sleep(task_sleep&& other) noexcept : leaf(std::move(other)), until_(other.until_) {}
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

// Queues the task behind those that are ready. What the usual yields transfer to is not counted: one in so many is not
// usual, because a fair turn is due, and goes back to the worker's loop.
[[nodiscard]] std::coroutine_handle<> yield_slowly(task_core& self) noexcept;
[[gnu::always_inline]] inline std::coroutine_handle<> yield_to_others(task_core& self) noexcept {
  task_desk_front& desk = *self.desk;
  runnable* const next = desk.ready.take_turns(self, desk.transferable);
  if (!next) [[unlikely]]
    return yield_slowly(self);
  if (const runnable* const after = desk.ready.peek(); after->resume == desk.transferable)
    __builtin_prefetch(static_cast<const task_core*>(after)->leaf.address());
  task_core& to = static_cast<task_core&>(*next);
  desk.set_running(&to);
  return to.leaf;
}

class task_yield {
 public:
  class yielding {
   public:
    explicit yielding(task_core& self) noexcept : self_(self) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> frame) const noexcept {
      self_.leaf = frame;
      return yield_to_others(self_);
    }
    void await_resume() const {
      if (self_.word.pending()) [[unlikely]]
        throw_cancelled(self_);
    }

   private:
    task_core& self_;
  };

  [[nodiscard]] yielding awaited_by(task_core& self) const noexcept { return yielding(self); }
};

}  // namespace weft::detail

namespace weft::stackless {

// co_await: not before that time has passed. Throws `cancelled`.
[[nodiscard]] inline detail::task_sleep sleep(deadline until) noexcept { return detail::task_sleep(until); }

// co_await: lets others run. Then throws `cancelled`, also if that was asked for meanwhile.
[[nodiscard]] inline detail::task_yield yield() noexcept { return {}; }

}  // namespace weft::stackless
