// SPDX-License-Identifier: BSL-1.0
// All stackless tasks of one runtime (`tasks`), and what each worker keeps for them (`task_desk`).
#pragma once

#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <mutex>
#include <vector>
#include <weft/detail/run/fifo.hpp>
#include <weft/detail/stackless/task_core.hpp>

#include "sched/population.hpp"
#include "sched/scheduler.hpp"
#include "sched/worker.hpp"
#include "stackless/task_store.hpp"

namespace weft::detail {

class loop_core;
class raw_line;

// "task 7, created at ...". Of a task that does not end meanwhile.
void add_description(raw_line& line, const task_core& task) noexcept;

class tasks final : public population {
 public:
  explicit tasks(scheduler& on) noexcept : owner_(on) {}
  ~tasks() override;

  std::unique_ptr<resident> move_in(worker& at) override;
  [[nodiscard]] std::uint64_t ended() const noexcept override;
  [[nodiscard]] std::uint64_t started() const noexcept override;
  // Each task is cancelled once: one that catches it and goes on is waited for, as asyncio does. Those that start later
  // do not run.
  void cancel_all() noexcept override;
  void add_to(stats_snapshot& sum) const noexcept override;
  void dump(int fd) const noexcept override;
  void take_errors(std::vector<std::exception_ptr>& to) override;

  [[nodiscard]] scheduler& owner() const noexcept { return owner_; }
  // Visits the living ones; each cannot end meanwhile.
  template <class Visitor> void for_each_living(Visitor&& visit) const {
    task_store::of_process().for_each([&](task_core& task) {
      if (!task.end.lock()) return;
      if (task.of == this) visit(task);
      task.end.unlock();
    });
  }

  [[nodiscard]] bool is_root_cancelled() const noexcept { return root_cancelled_.load(std::memory_order_seq_cst); }

  // A task has failed, and nobody can observe its error: all that runs is cancelled, and run() throws it. The task is left
  // here, with the error in it, since there may be no memory for a list.
  void unhandled(task_core& failed) noexcept;

  // A plain thread blocks until the task, which has `thread_waits` set, has ended.
  void wait_for(const task_core& core) noexcept;
  void tell_thread() noexcept;

  // The event loop that owns the runtime, whose exception handler is told instead; set before anything runs.
  loop_core* tells = nullptr;

  // Tasks that were created from plain threads, or from workers of other runtimes.
  std::atomic<std::uint64_t> created_outside{0};
  // Any thread. The first of `count` ids that nobody else gets.
  [[nodiscard]] std::uint64_t take_ids(std::uint64_t count) noexcept {
    // relaxed: only has to be unique
    return owner_.number() << id_bits | next_id_.fetch_add(count, std::memory_order_relaxed);
  }
  static constexpr unsigned id_bits = 40;  // above them the number of the runtime

 private:
  [[nodiscard]] task_core* take_failed() noexcept;

  scheduler& owner_;
  std::atomic<std::uint64_t> next_id_{1};
  std::atomic<bool> root_cancelled_{false};
  std::mutex lock_;
  std::condition_variable ended_;  // with `lock_`
  fifo failed_;                    // under `lock_`; whose errors nobody has taken
};

// One worker's share. Owner only but for the counters and what says otherwise.
class task_desk final : public population::resident, public task_desk_front {
 public:
  task_desk(tasks& of, worker& on) noexcept : task_desk_front(on, on.ready), all(of) { watch(false); }

  [[nodiscard]] context_place* place_of_running(bool to_change) noexcept override;
  void thread_ending(worker&) noexcept override;  // closes the loop
  std::size_t describe_running(worker& at, char* out, std::size_t size) const noexcept override;

  static void count(std::atomic<std::uint64_t>& what) noexcept {
    // release: whoever sums sees what was counted before ([empty-1]). Written by the owner alone.
    what.store(what.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  [[nodiscard]] std::uint64_t next_id() noexcept {
    if (id_ == last_id_) [[unlikely]] {
      id_ = all.take_ids(id_run);
      last_id_ = id_ + id_run;
    }
    return id_++;
  }

  // Whether steps are to be timed, as in an event loop's debug mode.
  [[nodiscard]] bool is_watched() const noexcept { return !transferable; }
  void watch(bool on) noexcept;

  tasks& all;
  loop_core* loop = nullptr;  // the event loop, when somebody has asked for it
  task_cache blocks;
  std::coroutine_handle<> bounced;  // what the loop resumes next
  task_core* ended_root = nullptr;  // what the loop has to finish
  std::atomic<std::uint64_t> created{0}, ended{0};

 private:
  static constexpr std::uint64_t id_run = 4096;
  std::uint64_t id_ = 0, last_id_ = 0;
};

// Of a task that has started.
inline task_desk& desk_of(const task_core& task) noexcept { return static_cast<task_desk&>(*task.desk); }
inline task_desk& task_desk_of(worker& at) noexcept { return at.resident<task_desk>(kind::tasks); }
// Call it on entry only, like `this_thread` itself. Null off a worker.
[[nodiscard]] inline task_desk* task_desk_on_entry() noexcept {
  return static_cast<task_desk*>(this_thread.residents[unsigned(kind::tasks)]);
}

}  // namespace weft::detail
