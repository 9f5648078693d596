// SPDX-License-Identifier: BSL-1.0
#include "sched/blocking_pool.hpp"

#include <algorithm>
#include <cstdio>
#include <system_error>
#include <utility>
#include <weft/detail/base/cpu_relax.hpp>

#include "sched/environment.hpp"
#include "sched/signals.hpp"

namespace weft::detail {

blocking_pool::blocking_pool(unsigned ceiling, duration idle_lifetime)
    : ceiling_(ceiling), idle_lifetime_(idle_lifetime), lingers_(usable_cpus() > 1) {}

void blocking_pool::submit(blocking_job& job) {
  seat* called = nullptr;
  {
    const std::lock_guard guard(lock_);
    try {
      called = call_for(queued_.load(std::memory_order_relaxed) + 1);
    } catch (...) {
      if (threads_ == 0) throw;  // else the busy ones will come to it
    }
    enqueue(job);
  }
  if (called) called->bell.notify_one();
}

// One more thread comes if there are fewer than jobs. Its bell is still to be rung, without the lock, unless null.
blocking_pool::seat* blocking_pool::call_for(std::size_t jobs) {
  if (coming_.load(std::memory_order_relaxed) >= jobs) return nullptr;
  if (idle_.empty()) {
    if (threads_ < ceiling_) start_thread();
    return nullptr;
  }
  seat& called = *idle_.back();
  idle_.pop_back();
  called.called = true;
  coming_.fetch_add(1, std::memory_order_relaxed);
  return &called;
}

bool blocking_pool::withdraw(blocking_job& job) noexcept {
  const std::lock_guard guard(lock_);
  if (!job.queued) return false;
  unlink(job);
  return true;
}

std::size_t blocking_pool::thread_count() const noexcept {
  const std::lock_guard guard(lock_);
  return threads_;
}

bool blocking_pool::runs_here() const noexcept {
  const std::lock_guard guard(lock_);
  return std::ranges::any_of(seats_, [me = std::this_thread::get_id()](const seat& one) {
    return one.job && one.thread.get_id() == me;  // without one it may be about to be joined
  });
}

void blocking_pool::enqueue(blocking_job& job) noexcept {
  job.queued = true;
  queued_.store(queued_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  job.prev = tail_;
  job.next = nullptr;
  (tail_ ? tail_->next : head_) = &job;
  tail_ = &job;
}

void blocking_pool::unlink(blocking_job& job) noexcept {
  job.queued = false;
  queued_.store(queued_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  (job.prev ? job.prev->next : head_) = job.next;
  (job.next ? job.next->prev : tail_) = job.prev;
}

void blocking_pool::start_thread() {
  if (free_.empty()) {
    free_.reserve(seats_.size() + 1);
    idle_.reserve(seats_.size() + 1);
    free_.push_back(&seats_.emplace_back());
  }
  seat& taken = *free_.back();
  const signals_blocked blocked;  // inherited by the thread
  taken.thread = std::thread([this, &taken] { body(taken); });
  free_.pop_back();
  ++threads_;
  coming_.fetch_add(1, std::memory_order_relaxed);
}

void blocking_pool::body(seat& me) noexcept {
  std::unique_lock guard(lock_);
  coming_.fetch_sub(1, std::memory_order_relaxed);
  for (;;) {
    if (blocking_job* const job = head_) {
      unlink(*job);
      me.job = job;
      me.where = job->where;
      guard.unlock();
      job->perform();
      coming_.fetch_add(1,
                        std::memory_order_relaxed);  // who hears of the end, and submits at once, needs no other thread
      const bool abandoned = job->finish();
      if (!abandoned) linger();
      guard.lock();
      coming_.fetch_sub(1, std::memory_order_relaxed);
      if (abandoned) dispose_of(*job, guard);
      me.job = nullptr;
    } else if (stopping_ || !rest(me, guard)) {
      break;
    }
  }
  leave(me, guard);
}

// Who got the result may have the next job at once. To wait for it that long costs less than to sleep and be woken.
void blocking_pool::linger() const noexcept {
  for (unsigned looks = 0; lingers_ && looks < longest_linger && queued_.load(std::memory_order_relaxed) == 0; ++looks)
    relax(0);
}

// The end of what it ran on may take its time: somebody else comes for what has been left to this thread.
void blocking_pool::dispose_of(blocking_job& job, std::unique_lock<std::mutex>& guard) noexcept {
  seat* called = nullptr;
  try {
    called = call_for(queued_.load(std::memory_order_relaxed));
  } catch (...) {  // then this thread does, later
  }
  guard.unlock();
  if (called) called->bell.notify_one();
  delete &job;
  guard.lock();
}

// False: nobody has called it for long.
bool blocking_pool::rest(seat& me, std::unique_lock<std::mutex>& guard) noexcept {
  me.called = false;
  idle_.push_back(&me);
  if (me.bell.wait_for(guard, idle_lifetime_, [&me] { return me.called; })) {
    coming_.fetch_sub(1, std::memory_order_relaxed);
    return true;
  }
  idle_.erase(std::find(idle_.begin(), idle_.end(), &me));
  return false;
}

// Each joins the one that left before it, so that at most one is left over, for the shutdown.
void blocking_pool::leave(seat& me, std::unique_lock<std::mutex>& guard) noexcept {
  --threads_;
  gone_.notify_all();
  if (seat* const before = std::exchange(left_last_, &me)) {
    guard.unlock();
    before->thread.join();
    guard.lock();
    free_.push_back(before);
  }
}

void blocking_pool::shut_down(time_point since) noexcept {
  std::unique_lock guard(lock_);
  stopping_ = true;
  for (; !idle_.empty(); idle_.pop_back()) {
    coming_.fetch_add(1, std::memory_order_relaxed);
    idle_.back()->called = true;
    idle_.back()->bell.notify_one();
  }
  const auto all_left = [this] { return threads_ == 0; };
  if (!named_ && !gone_.wait_until(guard, since + patience, all_left)) {
    guard.unlock();
    name_the_stuck();
    guard.lock();
  }
  gone_.wait(guard, all_left);
  seat* const last = std::exchange(left_last_, nullptr);
  guard.unlock();
  if (last) last->thread.join();
}

void blocking_pool::name_the_stuck() noexcept {
  const std::lock_guard guard(lock_);
  if (named_) return;
  for (const seat& one : seats_) {
    if (!one.job) continue;
    named_ = true;
    std::fprintf(stderr, "weft: the end of the runtime waits for a blocking call begun at %s:%u\n",
                 one.where.file_name(), unsigned(one.where.line()));
  }
}

}  // namespace weft::detail
