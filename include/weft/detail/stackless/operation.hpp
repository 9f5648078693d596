// SPDX-License-Identifier: BSL-1.0
// What a task can wait for: awaitables that know their task (`leaf`), and those that may have to be tried again before
// the task goes on (`operation`).
//
// They lie in the frame that awaits them. Some can be moved there, to gather() or wait_for(), say, as long as they have not
// been awaited: then nobody knows them. Everything here runs on the task's worker; that a wake-up may come before the
// frame is suspended does no harm, because only this worker resumes the task and it looks at its queues only afterwards.
#pragma once

#include <coroutine>
#include <cstdint>
#include <weft/detail/run/timer_node.hpp>
#include <weft/detail/run/wait_queue.hpp>
#include <weft/detail/stackless/task_core.hpp>

namespace weft::detail {

// A cancellation is delivered once: the next one needs another cancel().
[[noreturn]] void throw_cancelled(task_core& self);
// It strikes, whatever becomes of that: its number, see `cancellations`.
std::uint64_t heed_cancellation(task_core& self) noexcept;
// The same as an answer: whether there was one, which is now taken.
[[nodiscard]] bool take_cancellation(task_core& self) noexcept;

// What await_suspend returns, counted already, so not to be given to `transfer`: a second bounce would lose the first.
// The task has parked, or is queued already: what runs instead.
[[nodiscard]] std::coroutine_handle<> run_others(task_core& self) noexcept;
// It need not park after all: itself.
[[nodiscard]] std::coroutine_handle<> run_itself(task_core& self) noexcept;

// Where the promise leaves whose the wait is.
class leaf {
 public:
  leaf() = default;
  leaf(leaf&&) noexcept {}  // not awaited yet
  leaf& operator=(const leaf&) = delete;
  void belongs_to(task_core& task) noexcept { self_ = &task; }

 protected:
  [[nodiscard]] task_core& self() const noexcept { return *self_; }

 private:
  task_core* self_ = nullptr;
};

// The task is resumed when `step` says so: it is called when the operation is awaited and whenever the task is resumed.
class operation : public leaf {
 public:
  // True: done. False: it has seen to it that the task is resumed ([claim-1], [claim-2], or queued by `yield_in`).
  using step = bool (*)(operation&) noexcept;

  [[nodiscard]] bool await_ready() noexcept { return step_(*this); }
  template <class Promise> std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> frame) noexcept {
    frame_ = frame;
    return suspend();
  }

 protected:
  explicit operation(step what) noexcept : step_(what) {}
  // Instead of a wait: others run first.
  void yield_in() noexcept;

 private:
  friend struct operation_access;
  [[nodiscard]] std::coroutine_handle<> suspend() noexcept;

  const step step_;
  std::coroutine_handle<> frame_;
};

// One wait behind the task's claim.
class task_wait {
 public:
  task_wait() = default;
  task_wait(const task_wait&) = delete;
  task_wait& operator=(const task_wait&) = delete;

  // [claim-1] False: the task is cancelled, which is taken. `what` is a literal for the dump.
  [[nodiscard]] bool begin(task_core& self, const char* what) noexcept;
  // The same for a wait that no cancellation ends.
  void begin_deaf(task_core& self, const char* what) noexcept;
  [[nodiscard]] wait_node& node() noexcept { return node_; }
  // [claim-2] is done: the task may be suspended.
  void wake_at(deadline until) noexcept;
  // Nothing was shown. True: go on. False: a cancellation was faster; the task has to be suspended all the same.
  [[nodiscard]] bool forgo() noexcept;
  // Resumed. Takes the cancellation if that was it. The node may still be linked unless it is `woken` or `closed`.
  outcome end() noexcept;
  // The same, but a cancellation is left to the task's next wait: the operation may yet come true.
  outcome end_unheeded() noexcept;

 private:
  void show(task_core& self, claim::ticket ticket, const char* what) noexcept;

  wait_node node_;
  wake_timer alarm_;
};

}  // namespace weft::detail
