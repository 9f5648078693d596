// SPDX-License-Identifier: BSL-1.0
// A worker: one OS thread of the scheduler with its queues, timers and poller.
//
// Invariants
//  - `ready`, `timers` (but for cancels) and the owner's end of `fresh_` belong to the worker's own thread.
//  - Other threads give a worker runnables through its inbox and take from it through `fresh_`; nothing else.
//  - Whoever publishes work for a worker that may sleep does so by a seq_cst write, then looks whether it sleeps; the
//    worker announces its sleep by a seq_cst write, then looks for work (`idle`, `sleep_word`).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <weft/detail/run/runnable.hpp>
#include <weft/detail/run/waiter.hpp>

#include <weft/detail/run/ready_queue.hpp>
#include "poll/poller.hpp"
#include "poll/timers.hpp"
#include "run/deque.hpp"
#include "run/idle.hpp"
#include "run/inbox.hpp"
#include "sched/population.hpp"
#include "sched/seams.hpp"

namespace weft::detail {

class scheduler;

class alignas(128) worker {
 public:
  worker(scheduler& owner, unsigned index, const seams& with);
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;
  ~worker();

  // --- Owner only: what runs next (pick.hpp) ---

  // The next runnable by the pick order, or null: then the worker's own stack must look for work.
  [[nodiscard]] runnable* pick() noexcept;
  // The same; null also when a fair turn is due. Calls nothing.
  [[nodiscard]] runnable* pick_quickly() noexcept;
  void push_ready(runnable& r) noexcept { ready.push(r); }
  // Runs before all others: the joiner of what just ended, or a hand-off.
  void push_next(runnable& r) noexcept { ready.push_next(r); }
  [[nodiscard]] runnable* peek() const noexcept { return ready.peek(); }
  // May be stolen; wakes a sleeper to do so.
  void push_fresh(runnable& r) noexcept;

  // Wakes who waits for what the poller has heard; waits for that up to `timeout` nanoseconds, or until the poller is woken.
  void poll(std::int64_t timeout) noexcept;

  // A random number, for what runs here; in a simulated runtime a choice of the simulation.
  [[nodiscard]] std::uint64_t draw() noexcept;

  // --- Any thread ---

  // Puts a runnable into the inbox and wakes the worker if it sleeps. Does not throw.
  void send(runnable& r) noexcept;
  [[nodiscard]] theft steal(runnable*& loot) noexcept { return fresh_.steal(loot); }
  [[nodiscard]] bool has_fresh() const noexcept { return !fresh_.is_empty(); }
  [[nodiscard]] bool has_letters() const noexcept { return !inbox_.is_empty(); }
  void wake() noexcept;
  [[nodiscard]] unsigned index() const noexcept { return index_; }
  [[nodiscard]] scheduler& owner() const noexcept { return owner_; }

  // Picks so far; also what the monitor watches. Relaxed: a statistic.
  [[nodiscard]] std::uint64_t turns() const noexcept;
  // Whether the worker runs something (as against looking for work or sleeping). For the monitor.
  [[nodiscard]] bool is_busy() const noexcept { return busy_.load(std::memory_order_seq_cst); }  // [monitor-1]

  // The kernel's number of its thread; 0 before it runs.
  [[nodiscard]] int thread_id() const noexcept { return thread_id_.load(std::memory_order_relaxed); }

  struct counters {
    std::atomic<std::uint64_t> steals{0}, polls{0}, wakes{0};  // written by the owner alone, relaxed: statistics
  };
  [[nodiscard]] const counters& counts() const noexcept { return counts_; }

  template <class Resident> [[nodiscard]] Resident& resident(kind k) noexcept {
    return *static_cast<Resident*>(residents_[unsigned(k)].get());
  }
  [[nodiscard]] population::resident* resident_of(unsigned k) noexcept { return residents_[k].get(); }
  void admit(unsigned k, std::unique_ptr<population::resident> r) noexcept { residents_[k] = std::move(r); }

  // The thread's body: runs until the scheduler stops.
  void run();

  // --- Owner only: shared with the floors above ---
  runnable* hand_over = nullptr;  // picked by somebody who could not resume it himself: the worker's own stack does
  detail::timers timers;
  std::unique_ptr<detail::poller> poller;
  ready_queue ready;

 private:
  void push_fresh_slowly(runnable& r) noexcept;
  runnable* fair_turn() noexcept;
  void start_oldest(std::size_t count) noexcept;
  runnable* choose() noexcept;
  bool take_inbox() noexcept;
  void fire_timers(std::int64_t now) noexcept;
  void look(std::int64_t timeout, wake_list& woken) noexcept;
  void unpark(wake_list& woken) noexcept;
  runnable* find_work() noexcept;
  [[nodiscard]] bool become_searcher() noexcept;
  void spin_in_vain(std::int64_t spent) noexcept;
  runnable* search() noexcept;
  runnable* steal_from_others() noexcept;
  void end_search() noexcept;
  bool sleep(bool was_searching) noexcept;
  void learn_from_sleep(std::int64_t slept, bool by_letter) noexcept;

  deque fresh_;

  std::atomic<std::uint64_t> rounds_{0};  // fair turns so far; written by the owner, read for statistics
  std::atomic<bool> busy_{false};
  std::atomic<int> thread_id_{0};  // relaxed: for people
  std::int64_t polled_at_ = 0;
  std::int64_t read_at_ = 0;   // when a fair turn last read the clock
  unsigned turns_unread_ = 0;  // fair turns until the next one that reads it
  std::uint64_t poll_due_round_ = 0;
  std::int64_t spin_budget_ = 0;  // ns that a search may spin before the worker sleeps; learnt from how sleeps end
  std::int64_t spun_ = 0;         // in vain, before this sleep
  std::uint64_t random_;
  counters counts_;
  std::array<std::unique_ptr<population::resident>, kinds> residents_;
  scheduler& owner_;
  const unsigned index_;
  detail::clock& clock_;
  chooser* const choice_;

  alignas(128) inbox inbox_;  // written by others: on lines of its own
  sleep_word sleep_;
};

}  // namespace weft::detail
