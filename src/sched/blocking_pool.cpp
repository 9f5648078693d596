// SPDX-License-Identifier: BSL-1.0
#include "sched/blocking_pool.hpp"

#include <chrono>
#include <cstdio>
#include <iterator>
#include <system_error>

#include "sched/signals.hpp"

namespace weft::detail {
namespace {

constexpr std::chrono::seconds patience(1);        // of shut_down, before it says what it waits for
constexpr std::chrono::seconds idle_lifetime(10);  // a thread without work goes after it

}  // namespace

void blocking_pool::submit(blocking_job& job) {
  const std::lock_guard guard(lock_);
  reap();
  if (idle_ <= queued_ && threads_.size() < ceiling_) {
    try {
      start_thread();
    } catch (const std::system_error&) {
      if (threads_.empty()) throw;  // else the busy ones will come to it
    }
  }
  job.next = nullptr;
  job.queued = true;
  (head_ ? tail_->next : head_) = &job;
  tail_ = &job;
  ++queued_;
  work_.notify_one();
}

bool blocking_pool::withdraw(blocking_job& job) noexcept {
  const std::lock_guard guard(lock_);
  if (!job.queued) return false;
  blocking_job* before = nullptr;
  for (blocking_job* j = head_; j != &job; j = j->next) before = j;
  (before ? before->next : head_) = job.next;
  if (tail_ == &job) tail_ = before;
  job.queued = false;
  --queued_;
  return true;
}

void blocking_pool::start_thread() {
  threads_.emplace_back();
  try {
    const signals_blocked blocked;  // inherited by the thread
    threads_.back().thread = std::thread([this, &me = threads_.back()] { body(me); });
  } catch (...) {
    threads_.pop_back();
    throw;
  }
}

void blocking_pool::body(thread_slot& me) noexcept {
  std::unique_lock guard(lock_);
  for (;;) {
    if (!head_) {
      if (stopping_) break;
      ++idle_;
      const auto why = work_.wait_for(guard, idle_lifetime);
      --idle_;
      if (why == std::cv_status::timeout && !head_) break;
      continue;
    }
    blocking_job& job = *head_;
    head_ = job.next;
    --queued_;
    job.queued = false;
    me.job = &job;
    me.where = job.where;
    guard.unlock();
    job.run(job);
    guard.lock();
    me.job = nullptr;
  }
  for (auto it = threads_.begin(); it != threads_.end(); ++it) {
    if (&*it != &me) continue;
    ended_.splice(ended_.end(), threads_, it);
    break;
  }
  gone_.notify_all();
}

void blocking_pool::reap() noexcept {
  for (auto& slot : ended_) slot.thread.join();  // they hold no lock any more and are about to return
  ended_.clear();
}

void blocking_pool::shut_down() noexcept {
  std::unique_lock guard(lock_);
  stopping_ = true;
  work_.notify_all();
  if (!gone_.wait_for(guard, patience, [this] { return threads_.empty(); })) {
    name_the_stuck();
    gone_.wait(guard, [this] { return threads_.empty(); });
  }
  std::list<thread_slot> last = std::move(ended_);
  guard.unlock();
  for (auto& slot : last) slot.thread.join();
}

void blocking_pool::name_the_stuck() noexcept {
  for (const auto& slot : threads_) {
    if (slot.job)
      std::fprintf(stderr, "weft: the end of the runtime waits for a blocking call begun at %s:%u\n",
                   slot.where.file_name(), unsigned(slot.where.line()));
  }
}

}  // namespace weft::detail
