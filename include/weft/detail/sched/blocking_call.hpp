// SPDX-License-Identifier: BSL-1.0
// What is given to the pool for blocking calls, and how its end is told. The home of the blocking protocol.
//
// Invariants
//  - A job is queued, begun or done; a queued one lies in the pool's FIFO, under its lock. One that was withdrawn never ran
//    and never will.
//  - A call is in its waiter's frame, which stays until the call is done or withdrawn; or on the heap, and then whoever is
//    last to have to do with it, waiter or pool, frees it.
//
// Protocol
//  [blocking-1] The waiter shows its node in `end`, then submits the call, then parks.
//  [blocking-2] A thread of the pool runs it and finishes `end` ([join-2]); afterwards it touches nothing of the call.
//  [blocking-3] A waiter that was cancelled withdraws the call: then it did not happen. If it has begun, the waiter waits for
//               the end, deaf; or, if the call is on the heap and may be abandoned, it leaves by detaching.
#pragma once

#include <source_location>
#include <weft/detail/run/completion.hpp>
#include <weft/detail/sched/context_place.hpp>

namespace weft::detail {

struct blocking_job {
  explicit blocking_job(std::source_location asked) noexcept : where(asked) {}
  blocking_job(const blocking_job&) = delete;
  blocking_job& operator=(const blocking_job&) = delete;
  virtual ~blocking_job() = default;

  // On a thread of the pool.
  virtual void perform() noexcept = 0;
  // The same, afterwards: tells of the end. The job may be gone when that returns. True: nobody else has it any more, and
  // the pool deletes it.
  [[nodiscard]] virtual bool finish() noexcept = 0;

  std::source_location where;  // who asked for it
  // Under the pool's lock.
  blocking_job* prev = nullptr;
  blocking_job* next = nullptr;
  bool queued = false;
};

class blocking_call : public blocking_job {
 public:
  explicit blocking_call(std::source_location asked) noexcept : blocking_job(asked) { end.begin(false); }
  ~blocking_call() override;

  void perform() noexcept final;
  [[nodiscard]] bool finish() noexcept final;  // [blocking-2]

  completion end;
  context_place context;  // of whoever asked for it: the call sees the same variables

 protected:
  // Keeps what comes of it.
  virtual void call() noexcept = 0;
};

}  // namespace weft::detail
