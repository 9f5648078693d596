// SPDX-License-Identifier: BSL-1.0
// Threads for calls that would block a worker. They are started when all are busy, up to a ceiling, and go when idle.
//
// Invariants
//  - Everything changes under `lock_`.
//  - Jobs are begun in the order in which they were submitted, by whichever thread comes first. For each queued one a
//    thread is coming (called, or just started) or all are busy that there may be: a submission sees to that, and
//    whoever has run a job looks for the next one before it rests.
//  - The thread that has worked last is called first, or every thread of a pool that is hardly used would be kept awake.
//  - A seat is never freed before the pool: whoever rings its bell may do so after the lock is released.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <source_location>
#include <thread>
#include <vector>
#include <weft/detail/sched/blocking_call.hpp>

namespace weft::detail {

class blocking_pool {
 public:
  using duration = std::chrono::steady_clock::duration;
  using time_point = std::chrono::steady_clock::time_point;

  static constexpr duration patience = std::chrono::seconds(1);  // of a shutdown, before it says what it waits for
  static constexpr duration usual_lifetime = std::chrono::seconds(10);  // after it, a thread without work goes

  explicit blocking_pool(unsigned ceiling, duration idle_lifetime = usual_lifetime);
  blocking_pool(const blocking_pool&) = delete;
  blocking_pool& operator=(const blocking_pool&) = delete;
  ~blocking_pool() { shut_down(); }

  // Any thread. Throws system_error if there is no thread at all to run it and none can be started.
  void submit(blocking_job& job);
  // Any thread. True: the job had not begun, and never will.
  [[nodiscard]] bool withdraw(blocking_job& job) noexcept;
  // Any thread.
  [[nodiscard]] std::size_t thread_count() const noexcept;
  // Any thread. Whether the caller is one of the pool's, with a call to run.
  [[nodiscard]] bool runs_here() const noexcept;

  // Says on stderr where each call was made that has begun; only the first time that there is one.
  void name_the_stuck() noexcept;
  // Any plain thread. Runs what is queued, waits for what has begun, and names that when a shutdown which began at `since`
  // has taken a second.
  void shut_down(time_point since = std::chrono::steady_clock::now()) noexcept;

 private:
  static constexpr unsigned longest_linger = 64;  // pauses of the processor: one to three microseconds

  // A thread's place in the pool.
  struct seat {
    std::thread thread;
    std::condition_variable bell;
    bool called = false;
    const blocking_job* job = nullptr;  // the one that it runs
    std::source_location where;         // of that
  };

  [[nodiscard]] seat* call_for(std::size_t jobs);
  void start_thread();
  void body(seat& me) noexcept;
  void linger() const noexcept;
  void dispose_of(blocking_job& job, std::unique_lock<std::mutex>& guard) noexcept;
  [[nodiscard]] bool rest(seat& me, std::unique_lock<std::mutex>& guard) noexcept;
  void leave(seat& me, std::unique_lock<std::mutex>& guard) noexcept;
  void enqueue(blocking_job& job) noexcept;
  void unlink(blocking_job& job) noexcept;

  const unsigned ceiling_;
  const duration idle_lifetime_;
  const bool lingers_;
  mutable std::mutex lock_;
  std::condition_variable gone_;  // `threads_` is zero
  blocking_job* head_ = nullptr;
  blocking_job* tail_ = nullptr;
  std::deque<seat> seats_;
  std::vector<seat*> idle_, free_;  // with room for all seats
  seat* left_last_ = nullptr;       // its thread has gone, but was not joined yet
  unsigned threads_ = 0;            // that have not left
  // That will look for a job soon: called, started or done with the one before. Raised before the end of a job is told,
  // without the lock, and lowered under it; so it is relaxed, and who reads too little calls a thread too many.
  std::atomic<std::size_t> coming_{0};
  std::atomic<std::size_t> queued_{0};  // under `lock_`; read without it by `linger`
  bool stopping_ = false;
  bool named_ = false;
};

}  // namespace weft::detail
