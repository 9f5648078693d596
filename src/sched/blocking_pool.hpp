// SPDX-License-Identifier: BSL-1.0
// Threads for calls that would block a worker. They are started when all are busy, up to a ceiling, and go when idle.
//
// Invariants
//  - A job is queued, running or done; queued ones lie in a FIFO under `lock_`. A job that `withdraw` took back never
//    ran and never will.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <list>
#include <mutex>
#include <source_location>
#include <thread>

namespace weft::detail {

struct blocking_job {
  using run_function = void (*)(blocking_job&) noexcept;

  explicit blocking_job(run_function what, std::source_location asked) noexcept : run(what), where(asked) {}
  blocking_job(const blocking_job&) = delete;
  blocking_job& operator=(const blocking_job&) = delete;

  run_function run;            // on a thread of the pool; the job may be gone when it returns
  std::source_location where;  // who asked for it
  blocking_job* next = nullptr;
  bool queued = false;
};

class blocking_pool {
 public:
  explicit blocking_pool(unsigned ceiling) noexcept : ceiling_(ceiling) {}
  blocking_pool(const blocking_pool&) = delete;
  blocking_pool& operator=(const blocking_pool&) = delete;
  ~blocking_pool() { shut_down(); }

  // Any thread. Throws system_error if there is no thread at all to run it and none can be started.
  void submit(blocking_job& job);
  // Any thread. True: the job had not begun, and never will.
  [[nodiscard]] bool withdraw(blocking_job& job) noexcept;
  // Any plain thread. Waits for the jobs that have begun; after a second it names each of them on stderr, once.
  void shut_down() noexcept;

 private:
  struct thread_slot {
    std::thread thread;
    blocking_job* job = nullptr;
    std::source_location where;
  };

  void start_thread();
  void body(thread_slot& me) noexcept;
  void reap() noexcept;
  void name_the_stuck() noexcept;

  const unsigned ceiling_;
  std::mutex lock_;
  std::condition_variable work_;
  std::condition_variable gone_;
  blocking_job* head_ = nullptr;
  blocking_job* tail_ = nullptr;
  std::list<thread_slot> threads_;
  std::list<thread_slot> ended_;  // threads that left, still to be joined
  unsigned idle_ = 0;
  std::size_t queued_ = 0;
  bool stopping_ = false;
};

}  // namespace weft::detail
