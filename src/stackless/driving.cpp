// SPDX-License-Identifier: BSL-1.0
#include "stackless/driving.hpp"

#include <new>
#include <string>
#include <utility>
#include <weft/base/error.hpp>
#include <weft/detail/stackless/promise.hpp>
#include <weft/stackless/sleep.hpp>
#include <weft/stackless/task_ref.hpp>

#include "context/raw_line.hpp"
#include "sched/pick.hpp"
#include "sched/registry.hpp"
#include "sched/unobserved.hpp"
#include "stackless/loop_core.hpp"

namespace weft::detail {

struct operation_access {
  static bool step(operation& o) noexcept { return o.step_(o); }
  static std::coroutine_handle<> frame(const operation& o) noexcept { return o.frame_; }
};

namespace {

task_core& task_of(runnable& r) noexcept { return static_cast<task_core&>(r); }
task_core& task_of(waiter& w) noexcept { return static_cast<task_core&>(w); }

// [task-3] Whether the task goes on, at `leaf` then.
bool try_operation(task_core& task) noexcept {
  operation& in = *task.waiting_in;
  if (!operation_access::step(in)) return false;
  task.leaf = operation_access::frame(in);
  task.resume = desk_of(task).is_watched() ? &resume_watched : &resume_task;
  return true;
}

std::coroutine_handle<> count(task_desk& desk, task_core& task) noexcept {
  if (--desk.transfers == 0) [[unlikely]]
    return bounce(task, task.leaf);
  return task.leaf;
}

[[nodiscard]] bool is_to_run(const task_desk& desk, const task_core& fresh) noexcept {
  return !fresh.word.pending() && !desk.all.is_root_cancelled();
}

// From here on it has started, and stays.
[[gnu::always_inline]] inline void settle(task_desk& desk, task_core& fresh) noexcept {
  fresh.set_home(&desk.at);
  fresh.desk = &desk;
  fresh.promise->self = &fresh;
  fresh.leaf = fresh.root;
  fresh.resume = desk.is_watched() ? &resume_watched : &resume_task;
}

// Whether the running task may transfer to it. A fresh one is settled then.
[[gnu::always_inline]] inline bool make_ready(task_desk& desk, runnable& picked) noexcept {
  if (picked.resume == &resume_task) [[likely]]
    return true;
  if (picked.resume != &start_task || desk.is_watched() || !is_to_run(desk, task_of(picked))) return false;
  settle(desk, task_of(picked));
  return true;
}

// [task-1] What the running task transfers to: what was picked, or nothing, and the worker's loop goes on.
[[gnu::always_inline]] inline std::coroutine_handle<> bring(task_desk& desk, runnable* picked) noexcept {
  for (; picked; picked = desk.at.pick()) {
    const bool ready = make_ready(desk, *picked);
    if (!ready && picked->resume != &resume_operation) [[unlikely]] {
      desk.at.hand_over = picked;
      break;
    }
    task_core& task = task_of(*picked);
    desk.set_running(&task);
    if (!ready && !try_operation(task)) continue;
    if (const runnable* const after = desk.at.peek(); after && after->resume == &resume_task)
      __builtin_prefetch(static_cast<const task_core*>(after)->leaf.address());
    return count(desk, task);
  }
  desk.set_running(nullptr);
  return std::noop_coroutine();
}

void settle_error(task_core& task) noexcept {
  try {
    std::rethrow_exception(task.promise->error);
  } catch (const cancelled&) {
    task.promise->error = nullptr;
    task.how = task_core::fate::cancelled;
  } catch (...) {
    task.how = task_core::fate::failed;
  }
}

void unpark_joiner(worker& at, waiter& joiner) noexcept {
  if (joiner.unpark == &unpark_task && task_of(joiner).home_as_seen() == &at)
    at.push_next(task_of(joiner));
  else
    joiner.unpark(joiner);
}

// [task-4] `task` is not to be touched afterwards.
void finish(task_desk& desk, task_core& task) noexcept {
  if (task.has_context) [[unlikely]] {
    task.context.clear();
    task.has_context = false;
  }
  if (task.follower) std::exchange(task.follower, nullptr)->ended(task);
  const bool thread_waits = task.thread_waits;
  const completion::end end = task.end.finish();
  if (end.joiner) {
    if (end.wins_joiner()) unpark_joiner(desk.at, *end.joiner);
  } else if (end.detached) {
    let_go(task);
  }
  if (thread_waits) desk.all.tell_thread();
  task_desk::count(desk.ended);
}

[[gnu::noinline]] void finish_root_slowly(task_desk& desk, task_core& task) noexcept {
  if (task.promise->error) settle_error(task);
  finish(desk, task);
}

// Nobody but a joiner is to be told of the end of a root.
[[nodiscard]] bool ends_as_usual(const task_core& task) noexcept {
  return !task.promise->error && !task.follower && !task.has_context && !task.thread_waits;
}

[[gnu::always_inline]] inline void finish_root(task_desk& desk, task_core& task) noexcept {
  task.how = task_core::fate::returned;
  waiter* joiner = nullptr;
  if (!ends_as_usual(task) || !task.end.finish_at_once(joiner)) [[unlikely]]
    return finish_root_slowly(desk, task);
  if (joiner) unpark_joiner(desk.at, *joiner);
  task_desk::count(desk.ended);
}

// On the worker's loop: runs until no task can be transferred to.
[[gnu::always_inline]] inline void drive(task_desk& desk, std::coroutine_handle<> frame) noexcept {
  do {
    frame.resume();
    frame = std::exchange(desk.bounced, nullptr);
  } while (frame);
  if (task_core* const ended = std::exchange(desk.ended_root, nullptr)) {
    desk.set_running(nullptr);
    finish_root(desk, *ended);
  }
}

}  // namespace

namespace {

// One step of a task in debug mode. What else may run in it by symmetric transfer are tasks that began before that mode.
class watched_step {
 public:
  watched_step(task_desk& desk, task_core& task) noexcept
      : desk_(desk), name_(name_of(task)), where_(task.where), begun_(desk.at.owner().clock().now()) {}
  watched_step(const watched_step&) = delete;
  watched_step& operator=(const watched_step&) = delete;
  ~watched_step() {
    if (desk_.loop) desk_.loop->note_duration(begun_, "task", name_, where_);
  }

 private:
  [[gnu::noinline, gnu::cold]] static std::string name_of(task_core& task) noexcept {
    try {
      return stackless::task_ref(task, task.id).name();
    } catch (const std::bad_alloc&) {
      return {};
    }
  }

  task_desk& desk_;
  const std::string name_;  // it may have ended by then
  const std::source_location where_;
  const std::int64_t begun_;
};

[[gnu::noinline]] void drive_watched(task_desk& desk, task_core& task) noexcept {
  const watched_step step(desk, task);
  drive(desk, task.leaf);
}

[[gnu::always_inline]] inline void begin(task_desk& desk, task_core& task) noexcept {
  settle(desk, task);
  desk.set_running(&task);
  if (desk.is_watched()) [[unlikely]]
    return drive_watched(desk, task);
  drive(desk, task.leaf);
}

}  // namespace

task_core::task_core() noexcept : runnable(&start_task), waiter(&unpark_task), leaf(nullptr) {}

void task_desk::watch(bool on) noexcept { transferable = on ? nullptr : &resume_task; }

void start_task(runnable& r) noexcept {
  task_desk& desk = *task_desk_on_entry();
  task_core& task = task_of(r);
  if (is_to_run(desk, task)) [[likely]]
    return begin(desk, task);
  std::exchange(task.root, nullptr).destroy();
  task.how = task_core::fate::cancelled;
  finish(desk, task);
}

void start_all_the_same(runnable& r) noexcept {
  task_desk& desk = *task_desk_on_entry();
  if (desk.all.is_root_cancelled()) [[unlikely]]
    start_task(r);
  else
    begin(desk, task_of(r));
}

void resume_watched(runnable& r) noexcept {
  task_desk& desk = desk_of(task_of(r));
  desk.set_running(&task_of(r));
  drive_watched(desk, task_of(r));
}

void resume_task(runnable& r) noexcept {
  task_core& task = task_of(r);
  task_desk& desk = desk_of(task);
  desk.set_running(&task);
  drive(desk, task.leaf);
}

void resume_operation(runnable& r) noexcept {
  task_core& task = task_of(r);
  task_desk& desk = desk_of(task);
  desk.set_running(&task);
  if (try_operation(task))
    drive(desk, task.leaf);
  else
    desk.set_running(nullptr);
}

void unpark_task(waiter& w) noexcept {
  task_core& task = task_of(w);
  worker* const home = task.home_as_seen();
  if (home == this_thread.running)
    home->push_ready(task);
  else
    home->send(task);
}

std::coroutine_handle<> bounce(task_core& self, std::coroutine_handle<> to) noexcept {
  self.transfers = self.desk->transfers = task_desk_front::longest_run;
  desk_of(self).bounced = to;
  return std::noop_coroutine();
}

namespace {

// [task-5] Whether that ended it.
bool finish_for_neighbour(task_desk& desk, task_core& task, waiter& joiner) noexcept {
  if (joiner.unpark != &unpark_task || task_of(joiner).home_as_seen() != &desk.at || !ends_as_usual(task)) return false;
  task.how = task_core::fate::returned;
  if (!task.end.finish_for(joiner)) [[unlikely]]
    return false;
  desk.at.push_next(task_of(joiner));
  task_desk::count(desk.ended);
  return true;
}

[[gnu::noinline]] std::coroutine_handle<> end_of_joined_root(task_core& self, waiter& joiner) noexcept {
  task_desk& desk = desk_of(self);
  if (finish_for_neighbour(desk, self, joiner)) return bring(desk, desk.at.pick());
  desk.ended_root = &self;
  return std::noop_coroutine();
}

}  // namespace

std::coroutine_handle<> end_of_root(task_core& self) noexcept {
  if (waiter* const joiner = self.end.who_joins_directly()) return end_of_joined_root(self, *joiner);
  desk_of(self).ended_root = &self;
  return std::noop_coroutine();
}

std::coroutine_handle<> run_others(task_core& self) noexcept {
  task_desk& desk = desk_of(self);
  return bring(desk, desk.at.pick());
}

std::coroutine_handle<> run_itself(task_core& self) noexcept { return count(desk_of(self), self); }

std::coroutine_handle<> yield_slowly(task_core& self) noexcept {
  task_desk& desk = desk_of(self);
  desk.transfers = 1;  // bounces
  runnable* const picked = desk.at.pick();
  if (!picked && !desk.is_watched()) return count(desk, self);
  desk.at.push_ready(self);
  return bring(desk, picked);
}

std::coroutine_handle<> operation::suspend() noexcept {
  self().waiting_in = this;
  self().resume = &resume_operation;
  return run_others(self());
}

void operation::yield_in() noexcept { self().desk->at.push_ready(self()); }

void recycle_task(task_core& task) noexcept {
  if (task.name) [[unlikely]]
    delete std::exchange(task.name, nullptr);
  if (task.has_context) [[unlikely]] {  // it was never started
    task.context.clear();
    task.has_context = false;
  }
  if (task.root) std::exchange(task.root, nullptr).destroy();
  if (task.word.pending()) [[unlikely]]
    task.word.clear_pending();
  if (task_desk* const desk = task_desk_on_entry())
    desk->blocks.give(task);
  else
    task_store::of_process().give(task, task);
}

void let_go(task_core& task) noexcept {
  if (task.how == task_core::fate::failed) [[unlikely]] {
    const registry::pinned alive(task.id >> tasks::id_bits);
    if (alive.get()) {
      task.of->unhandled(task);
      return;
    }
    raw_line line;
    add_description(line.text("weft: "), task);
    tell_unobserved(line.text(", was dropped after its runtime with"), task.promise->error);
  }
  recycle_task(task);
}

}  // namespace weft::detail
