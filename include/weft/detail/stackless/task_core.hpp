// SPDX-License-Identifier: BSL-1.0
// The block of a spawned task: runnable and waiter, but not its coroutine frames.
//
// Invariants
//  - Type-stable: blocks come from `task_store` and are never anything else, so a late wake reads a valid claim and loses.
//  - Until it starts a task may be taken by any worker; then it stays with its worker (`home`, `desk`), and all but the
//    claim, `end` and the atomics belongs to that worker until it ends, afterwards to its handle.
//  - `of`, `id` and `where` stand still while `end` is locked and says that the task lives.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <source_location>
#include <string>
#include <weft/base/deadline.hpp>
#include <weft/detail/run/completion.hpp>
#include <weft/detail/run/ready_queue.hpp>
#include <weft/detail/run/runnable.hpp>
#include <weft/detail/run/waiter.hpp>
#include <weft/detail/sched/context_place.hpp>

namespace weft::detail {

class operation;
class task_access;
class tasks;
struct task_core;
struct promise_base;

// Who is told of a task's end, on its worker, before anybody else; what came of it may be taken.
struct task_follower {
  virtual void ended(task_core& task) noexcept = 0;

 protected:
  ~task_follower() = default;
};

// What the coroutines that are inlined need of a worker's desk.
struct task_desk_front {
  task_desk_front(worker& on, ready_queue& of) noexcept : at(on), ready(of) {}

  // release: the monitor sees the block's text. Null on the worker's own account and while a fiber runs.
  void set_running(task_core* now) noexcept { running_.store(now, std::memory_order_release); }
  [[nodiscard]] task_core* running() const noexcept { return running_.load(std::memory_order_relaxed); }
  // By another thread. It may end meanwhile, and its block be another task's.
  [[nodiscard]] task_core* running_as_seen() const noexcept {
    return running_.load(std::memory_order_acquire);  // pairs with `set_running`
  }

  // The running task has done something without waiting that might have waited. True, once in a while: time to yield.
  [[nodiscard]] bool counts_out() noexcept {
    if (--patience_ != 0) [[likely]]
      return false;
    patience_ = longest_patience;
    return true;
  }

  worker& at;
  ready_queue& ready;  // its
  // The kind of tasks that a yield transfers to; null, so that there is none, while steps are to be timed.
  runnable::resume_function transferable = nullptr;
  std::uint32_t transfers = longest_run;

  // Coroutines that resume one another are tail calls where the compiler makes them so (not g++ below -O2, nor under its
  // sanitizers); therefore they go back to the worker's loop after so many, and no stack grows.
  static constexpr std::uint32_t longest_run = 32;

 private:
  static constexpr unsigned longest_patience = 256;  // operations of some nanoseconds
  std::atomic<task_core*> running_{nullptr};
  unsigned patience_ = longest_patience;
};

struct alignas(64) task_core final : runnable, waiter {
  enum class fate : std::uint8_t { none, returned, failed, cancelled };

  task_core() noexcept;

  // `home` is seen by some whom nothing orders against its writers, [task-5] and get_stack.
  void set_home(worker* to) noexcept { std::atomic_ref(home).store(to, std::memory_order_relaxed); }
  [[nodiscard]] worker* home_as_seen() noexcept { return std::atomic_ref(home).load(std::memory_order_relaxed); }

  // --- The line that every switch touches ---
  union {
    std::coroutine_handle<> leaf;  // the innermost coroutine, where it goes on
    operation* waiting_in;         // or what decides whether it does: while `resume` is resume_operation
  };
  task_desk_front* desk = nullptr;  // of its worker; null until it starts

  // --- The line that spawn, join and end touch ---
  completion end;
  std::coroutine_handle<> root;  // null when the frame is gone
  promise_base* promise = nullptr;
  tasks* of = nullptr;
  std::uint64_t id = 0;
  std::source_location where;  // of the create_task
  fate how = fate::none;
  bool swept = false;            // cancelled with its runtime, which is done once; under the lock of `end`
  bool hidden = false;           // weft's own: all_tasks() does not know it
  bool told = false;             // was cancelled, see `told_at`, and not taken back; under the lock of `end`
  unsigned cancel_requests = 0;  // under the lock of `end`
  std::uint32_t transfers = task_desk_front::longest_run;
  bool thread_waits = false;          // somebody is in `tasks::wait_for`
  bool has_context = false;           // `context` must be cleared at the end
  std::string* name = nullptr;        // under the lock of `end`; null: the usual one
  task_follower* follower = nullptr;  // null: nobody, but for its joiner

  std::atomic<completion*> joins{nullptr};  // [join-4] the last one; stale as a rule

  // For dumps, hence relaxed: a literal, null while it does not wait; and until when it does.
  std::atomic<const char*> waits_for{nullptr};
  std::atomic<std::int64_t> waits_until{deadline::limit};
  context_place context;
  // Of `cancellations`: the last one that was asked for or, when that has struck, the newest one then.
  std::atomic<std::uint64_t> told_at{0};

  // Before it starts, by its creator.
  void inherit(const context_place& from) noexcept {
    context.inherit(from);
    has_context = context.values != nullptr;
  }
};

// The worker's loop resumes `to`, and the caller of this returns to it. On the task's worker.
[[nodiscard]] std::coroutine_handle<> bounce(task_core& self, std::coroutine_handle<> to) noexcept;

// What await_suspend returns to go on with `to`.
[[nodiscard]] inline std::coroutine_handle<> transfer(task_core& self, std::coroutine_handle<> to) noexcept {
  if (--self.transfers == 0) [[unlikely]]
    return bounce(self, to);
  return to;
}

}  // namespace weft::detail
