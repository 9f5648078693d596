// SPDX-License-Identifier: BSL-1.0
// What handles do: start a task, join it, cancel it, let it go.
#include <weft/base/error.hpp>
#include <weft/detail/stackless/promise.hpp>
#include <weft/detail/stackless/task_join.hpp>
#include <weft/sched/runtime.hpp>
#include <weft/stackless/start_eagerly.hpp>

#include "run/direct_joiner.hpp"
#include "sched/pick.hpp"
#include "stackless/cancellations.hpp"
#include "stackless/driving.hpp"

namespace weft::detail {

namespace {

// But for `end`, which comes when it starts, and what `recycle_task` has cleared. In the order of the fields, so that zeros
// that lie side by side are written at once.
[[gnu::always_inline]] inline void renew(task_core& task, std::coroutine_handle<> root, promise_base* promise,
                                         tasks& of, std::uint64_t id, std::source_location where) noexcept {
  task.resume = &start_task;
  task.set_home(nullptr);
  task.desk = nullptr;
  task.root = root;
  task.promise = promise;
  task.of = &of;
  task.id = id;
  task.where = where;
  task.how = task_core::fate::none;
  task.swept = false;
  task.hidden = false;
  task.told = false;
  task.cancel_requests = 0;
  task.thread_waits = false;
  task.follower = nullptr;
}

// Whether a task of its creator takes over a context, or looks for the one that is to be had outside of tasks.
[[nodiscard]] bool inherits_from(const task_core* creator) noexcept { return !creator || creator->has_context; }

[[gnu::always_inline]] inline void start_inside(task_desk& desk, task_core& task) noexcept {
  task_desk::count(desk.created);
  task.end.begin(false);
  desk.at.push_fresh(task);
}

}  // namespace

task_core& new_task(runtime* of, std::coroutine_handle<> root, promise_base* promise, std::source_location where) {
  task_desk* desk = task_desk_on_entry();
  const task_core* const creator = desk ? desk->running() : nullptr;
  tasks* all = desk ? &desk->all : nullptr;
  if (of) {
    all = &static_cast<tasks&>(scheduler_of(*of).of(kind::tasks));
    if (desk && &desk->all != all) desk = nullptr;
  } else if (!desk) {
    throw_error(std::errc::operation_not_permitted, "weft::stackless: create_task() outside a runtime");
  }
  if (!promise) throw_error(std::errc::invalid_argument, "weft::stackless: the task is empty (made so, or moved from)");
  task_core& task = desk ? desk->blocks.take() : task_store::of_process().take_one();
  renew(task, root, promise, *all, desk ? desk->next_id() : all->take_ids(1), where);
  task.thread_waits = !desk && of;
  if (inherits_from(creator)) task.inherit(creator ? creator->context : context_place_here(false));
  return task;
}

void start(task_core& task) noexcept {
  task_desk* const desk = task_desk_on_entry();
  tasks& of = *task.of;
  if (desk && &desk->all == &of) return start_inside(*desk, task);
  of.created_outside.fetch_add(1, std::memory_order_release);  // [empty-1]
  task.end.begin(false);
  of.owner().submit(task);
}

namespace {

[[gnu::noinline]] task_core& start_new_slowly(std::coroutine_handle<> root, promise_base* promise,
                                              std::source_location where) {
  task_core& task = new_task(nullptr, root, promise, where);
  start(task);
  return task;
}

}  // namespace

task_core& start_new(std::coroutine_handle<> root, promise_base* promise, std::source_location where) {
  task_desk* const desk = task_desk_on_entry();
  const task_core* const creator = desk ? desk->running() : nullptr;
  if (inherits_from(creator) || !promise || desk->blocks.is_empty()) [[unlikely]]
    return start_new_slowly(root, promise, where);
  task_core& task = desk->blocks.take();
  renew(task, root, promise, desk->all, desk->next_id(), where);
  start_inside(*desk, task);
  return task;
}

std::coroutine_handle<> eager_start::let_it_go_first() noexcept {
  task_desk& desk = desk_of(self());
  task_desk::count(desk.created);
  made_->end.begin(false);
  desk.at.push_next(self());
  desk.set_running(nullptr);
  desk.at.hand_over = made_;
  return std::noop_coroutine();
}

void throw_no_task() {
  throw_error(std::errc::invalid_argument, "weft::stackless: no task (made empty, moved from, or joined before)");
}

bool cancel(task_core& core) noexcept {
  if (!core.end.lock()) return false;
  const bool won = request_cancel(core, cancellations::next());
  core.end.unlock();
  if (won) core.unpark(core);
  return true;
}

bool request_cancel(task_core& core, std::uint64_t number) noexcept {
  ++core.cancel_requests;
  if (!core.told || core.told_at.load(std::memory_order_relaxed) < number)  // seen through the claim by who is struck
    core.told_at.store(number, std::memory_order_relaxed);
  core.told = true;
  return cancel_wait(core, core.joins);
}

// asyncio's Task-1, Task-2, ...
std::string default_name(const task_core& core) {
  return "Task-" + std::to_string(core.id & ((std::uint64_t{1} << tasks::id_bits) - 1));
}

void release(task_core& core) noexcept { recycle_task(core); }

void drop(task_core& core) noexcept {
  if (core.end.detach()) return;
  let_go(core);
}

void throw_was_cancelled() {
  throw_error(std::errc::operation_canceled, "weft::stackless: the task that was awaited was cancelled");
}

void throw_awaits_itself() {
  throw_error(std::errc::resource_deadlock_would_occur, "weft::stackless: a task cannot await itself");
}

namespace {

[[noreturn]] void refuse_another() {
  throw_error(std::errc::invalid_argument, "weft::stackless: another task is awaiting this one");
}

}  // namespace

// [join-4]
std::coroutine_handle<> task_join::wait() noexcept {
  if (join_directly(self_, self_.joins, whom_.end)) [[likely]] {
    course_ = course::waited;
    self_.waits_for.store("the end of another task", std::memory_order_relaxed);
    return run_others(self_);
  }
  if (self_.word.pending()) {
    (void)heed_cancellation(self_);
    course_ = course::cancelled;
  } else if (!whom_.end.has_ended()) {
    course_ = course::refused;
  }
  return run_itself(self_);
}

// [join-6] Also where g++ asks for both results of `co_await a + co_await b` only when both waits are over.
void task_join::after_wait() {
  if (course_ == course::waited) {
    self_.waits_for.store(nullptr, std::memory_order_relaxed);
    if (whom_.end.has_ended()) [[likely]]
      return;
    (void)heed_cancellation(self_);
  } else if (course_ == course::refused) {
    refuse_another();
  }
  throw cancelled();
}

bool task_join_until::await_ready() const {
  if (self().word.pending()) [[unlikely]]
    throw_cancelled(self());
  if (&whom_ == &self()) throw_awaits_itself();
  return whom_.end.has_ended();
}

// [join-1]
std::coroutine_handle<> task_join_until::wait() noexcept {
  if (!wait_.begin(self(), "the end of another task")) [[unlikely]] {
    course_ = course::cancelled;
    return run_itself(self());
  }
  const completion::shown shown = whom_.end.show(wait_.node());
  if (shown == completion::shown::waiting) {
    course_ = course::waited;
    wait_.wake_at(until_);
    return run_others(self());
  }
  if (shown == completion::shown::other_joiner) course_ = course::refused;
  if (wait_.forgo()) return run_itself(self());
  course_ = course::overtaken;
  return run_others(self());
}

bool task_join_until::await_resume() {
  if (course_ == course::straight) return true;
  if (course_ == course::refused) refuse_another();
  if (course_ == course::overtaken) (void)wait_.end();
  if (course_ != course::waited) throw cancelled();
  const outcome why = wait_.end();
  if (why == outcome::woken) return true;
  const bool ended = whom_.end.withdraw(wait_.node());  // [join-3]
  if (why == outcome::cancelled) throw cancelled();
  return ended;
}

}  // namespace weft::detail
