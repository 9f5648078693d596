// SPDX-License-Identifier: BSL-1.0
#include "stackless/tasks.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <weft/detail/stackless/promise.hpp>
#include <weft/detail/stackless/task_join.hpp>
#include <weft/stackless/error_context.hpp>

#include "context/raw_line.hpp"
#include "run/direct_joiner.hpp"
#include "sched/unobserved.hpp"
#include "stackless/cancellations.hpp"
#include "stackless/driving.hpp"
#include "stackless/loop_core.hpp"

namespace weft::detail {
namespace {

void add_identity(raw_line& line, const task_core& task) noexcept { line.text("task ").number(task.id); }

void add_origin(raw_line& line, const task_core& task) noexcept {
  line.text(", created at ").text(task.where.file_name()).text(":").number(task.where.line());
}

void write_line(const task_core& task, int fd) noexcept {
  raw_line line;
  add_identity(line, task);
  const char* const what = task.waits_for.load(std::memory_order_relaxed);
  if (what && is_waiting(task, task.joins)) {
    line.text(" waits for ").text(what);
    const std::int64_t until = task.waits_until.load(std::memory_order_relaxed);
    if (until != deadline::limit) {
      const auto left = deadline::from_nanoseconds(until).remaining().count();
      line.text(" for ").number(std::uint64_t(left) / 1'000'000).text(" ms more");
    }
  } else {
    line.text(" runs or is ready");
  }
  if (task.word.pending()) line.text(", cancelled");
  add_origin(line, task);
  line.write_to(fd);
}

}  // namespace

void add_description(raw_line& line, const task_core& task) noexcept {
  add_identity(line, task);
  add_origin(line, task);
}

std::unique_ptr<population> make_tasks(scheduler& on) { return std::make_unique<tasks>(on); }

std::unique_ptr<population::resident> tasks::move_in(worker& at) { return std::make_unique<task_desk>(*this, at); }

std::uint64_t tasks::ended() const noexcept {
  std::uint64_t sum = 0;
  for (unsigned i = 0; i < owner_.worker_count(); ++i)
    sum += task_desk_of(owner_.worker_at(i)).ended.load(std::memory_order_acquire);  // pairs with `count`
  return sum;
}

std::uint64_t tasks::started() const noexcept {
  std::uint64_t sum = 0;
  for (unsigned i = 0; i < owner_.worker_count(); ++i)
    sum += task_desk_of(owner_.worker_at(i)).created.load(std::memory_order_acquire);  // likewise
  return sum + created_outside.load(std::memory_order_acquire);
}

void tasks::cancel_all() noexcept {
  root_cancelled_.store(true, std::memory_order_seq_cst);
  wake_list woken;
  const std::uint64_t number = cancellations::next();  // one for all: nobody hands it on
  for_each_living([&woken, number](task_core& task) {
    if (std::exchange(task.swept, true)) return;
    if (request_cancel(task, number)) woken.push(task);  // counted: no timeout may take it for its own
  });
  woken.unpark_all();
}

void tasks::add_to(stats_snapshot& sum) const noexcept {
  const std::uint64_t gone = ended();  // first, so that there are no more of them
  sum.live_tasks += started() - gone;
}

void tasks::dump(int fd) const noexcept {
  for_each_living([fd](const task_core& task) { write_line(task, fd); });
}

tasks::~tasks() {
  while (task_core* const failed = take_failed()) recycle_task(*failed);
}

task_core* tasks::take_failed() noexcept {
  const std::lock_guard guard(lock_);
  return static_cast<task_core*>(failed_.pop_front());
}

void tasks::take_errors(std::vector<std::exception_ptr>& to) {
  for (;;) {
    to.emplace_back();
    task_core* const failed = take_failed();
    if (!failed) break;
    to.back() = std::exchange(failed->promise->error, nullptr);
    recycle_task(*failed);
  }
  to.pop_back();
}

void tasks::unhandled(task_core& failed) noexcept {
  if (tells) {
    tells->report({"an exception of a task was never retrieved", std::exchange(failed.promise->error, nullptr), {}});
    recycle_task(failed);
    return;
  }
  if (!owner_.errors_are_taken) {
    raw_line line;
    add_description(line.text("weft: "), failed);
    tell_unobserved(line.text(", ends its runtime by"), failed.promise->error);
  }
  {
    const std::lock_guard guard(lock_);
    failed_.push_back(failed);
  }
  for (auto what : {kind::fibers, kind::tasks}) owner_.of(what).cancel_all();
}

void tasks::wait_for(const task_core& core) noexcept {
  std::unique_lock guard(lock_);
  ended_.wait(guard, [&core] { return core.end.has_ended(); });
}

void tasks::tell_thread() noexcept {
  const std::lock_guard guard(lock_);
  ended_.notify_all();
}

context_place* task_desk::place_of_running(bool to_change) noexcept {
  task_core* const task = running();
  if (!task) return nullptr;
  if (to_change) task->has_context = true;
  return &task->context;
}

std::size_t task_desk::describe_running(worker&, char* out, std::size_t size) const noexcept {
  task_core* const task = running_as_seen();
  if (!task || !task->end.lock()) return 0;
  raw_line line;
  add_description(line, *task);
  task->end.unlock();
  const auto text = line.view();
  const std::size_t length = std::min(text.size(), size);
  std::memcpy(out, text.data(), length);
  return length;
}

}  // namespace weft::detail
