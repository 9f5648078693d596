// SPDX-License-Identifier: BSL-1.0
// The scheduler: all workers of one runtime, from start to stop.
//
// Protocol of the outside (threads that are no workers of this scheduler)
//  [pin-1] Whoever hands a runnable to a worker from outside pins the scheduler first. The runnable itself keeps it
//          alive until then: it was not resumed since its claim was won, so it cannot have ended.
//  [pin-2] It lets go after its last touch (the write to the eventfd). `stop` waits for zero before anything is closed.
//  [pin-3] Whoever spawns from outside pins first, too, then looks whether a shutdown has begun (`admit`, both seq_cst);
//          `shut_down` says so first, then waits for zero before it believes that all have ended.
//  [pin-4] A handle may outlive the runtime. Who drops one and has something to tell the runtime looks it up by its
//          number and pins it under the registry's lock. The destructor takes it off the registry under that lock, then
//          waits for zero a last time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "run/idle.hpp"
#include "sched/blocking_pool.hpp"
#include "sched/environment.hpp"
#include "sched/monitor.hpp"
#include "sched/population.hpp"
#include "sched/seams.hpp"
#include "sched/this_thread.hpp"
#include "sched/worker.hpp"

namespace weft {
class runtime;
}

namespace weft::detail {

class scheduler {
 public:
  // Starts the threads. Throws system_error if one cannot be started; those that were are stopped again.
  scheduler(runtime& face, environment with, seams seams_of_it);
  scheduler(const scheduler&) = delete;
  scheduler& operator=(const scheduler&) = delete;
  ~scheduler();

  // Any plain thread. Cancels everything, waits until all of it has ended, stops the threads. The second call returns
  // at once.
  void shut_down() noexcept;

  // --- Any thread ---
  // Which runtime of the process, from 1.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] unsigned worker_count() const noexcept { return unsigned(workers_.size()); }
  // The same while the workers are still being made.
  [[nodiscard]] unsigned worker_count_planned() const noexcept { return settings_.settings.workers; }
  [[nodiscard]] worker& worker_at(unsigned i) const noexcept { return *workers_[i]; }
  [[nodiscard]] idle& idlers() noexcept { return idle_; }
  [[nodiscard]] population& of(kind k) const noexcept { return *populations_[unsigned(k)]; }
  [[nodiscard]] const environment& settings() const noexcept { return settings_; }
  [[nodiscard]] class clock& clock() const noexcept { return *seams_.clock; }
  // Any thread. Whether there was no fiber or task just now. [empty-1]
  [[nodiscard]] bool all_ended() const noexcept;
  [[nodiscard]] bool is_stopping() const noexcept { return stopping_.load(std::memory_order_seq_cst); }  // [sleep-1]
  // Whether it is worth while: time goes on by itself, and others have processors of their own.
  [[nodiscard]] bool may_spin() const noexcept { return may_spin_; }
  [[nodiscard]] runtime& face() const noexcept { return face_; }
  [[nodiscard]] blocking_pool& blocking() noexcept { return blocking_; }
  [[nodiscard]] stats_snapshot stats() const noexcept;
  void dump(int fd) const noexcept;

  // Hands a runnable that any worker may start to one of them.
  void submit(runnable& r) noexcept;
  // The worker whose turn it is to be given something that will stay there.
  [[nodiscard]] worker& place() noexcept;
  void wake_one() noexcept;
  [[nodiscard]] bool has_fresh_work() const noexcept;

  // Workers say so on their way into the poller and out of it.
  void somebody_idles() noexcept;
  void somebody_works() noexcept { monitor_.somebody_works(); }

  // Whether somebody takes the exceptions that nobody can observe: run() throws them, an event loop reports them when it
  // is closed. Else stderr is told. Set before anything runs.
  bool errors_are_taken = false;

  // Any thread but the workers. [pin-3] False: the shutdown has begun. Else `unpin` must follow.
  [[nodiscard]] bool admit() noexcept;
  // Any thread, which knows that the scheduler has not ended.
  void pin() noexcept { outsiders_.fetch_add(1, std::memory_order_relaxed); }    // whatever it knows that by orders it
  void unpin() noexcept { outsiders_.fetch_sub(1, std::memory_order_release); }  // pairs with the waits for zero

  class outside_pin {
   public:
    explicit outside_pin(scheduler& pinned) noexcept
        : pinned_(this_thread.running && &this_thread.running->owner() == &pinned ? nullptr : &pinned) {
      if (pinned_) pinned_->pin();  // [pin-1]
    }
    outside_pin(const outside_pin&) = delete;
    outside_pin& operator=(const outside_pin&) = delete;
    ~outside_pin() {
      if (pinned_) pinned_->unpin();  // [pin-2]
    }

   private:
    scheduler* const pinned_;
  };

 private:
  void stop() noexcept;
  void wait_for_outsiders() noexcept;

  runtime& face_;
  const std::uint64_t number_;
  const environment settings_;
  seams seams_;
  const bool may_spin_;
  idle idle_;
  std::unique_ptr<population> populations_[kinds];
  std::vector<std::unique_ptr<worker>> workers_;
  std::vector<std::thread> threads_;
  blocking_pool blocking_;
  monitor monitor_;

  std::atomic<unsigned> turn_{0};  // round robin of `place`
  std::atomic<bool> stopping_{false};
  std::atomic<bool> draining_{false};
  std::atomic<unsigned> outsiders_{0};
  std::mutex drain_lock_;
  std::condition_variable drained_;
  std::once_flag shut_down_;
};

// Defined by the rooms of the two kinds.
[[nodiscard]] std::unique_ptr<population> make_fibers(scheduler& on);
[[nodiscard]] std::unique_ptr<population> make_tasks(scheduler& on);

}  // namespace weft::detail
