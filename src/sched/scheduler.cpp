// SPDX-License-Identifier: BSL-1.0
#include "sched/scheduler.hpp"

#include <chrono>
#include <utility>

#include "poll/epoll.hpp"
#include "sched/registry.hpp"
#include "sched/signals.hpp"

namespace weft::detail {
namespace {

std::uint64_t next_runtime_number() noexcept {
  static std::atomic<std::uint64_t> numbers{1};
  return numbers.fetch_add(1, std::memory_order_relaxed);  // only has to be unique
}

seams with_defaults(seams given) {
  if (!given.clock) given.clock = &system_clock_source::instance();
  if (!given.make_poller) given.make_poller = [] { return std::make_unique<epoll_poller>(); };
  return given;
}

}  // namespace

scheduler::scheduler(runtime& face, environment with, seams seams_of_it)
    : face_(face),
      number_(next_runtime_number()),
      settings_(std::move(with)),
      seams_(with_defaults(std::move(seams_of_it))),
      may_spin_(seams_.clock == &system_clock_source::instance() && usable_cpus() > 1),
      idle_(settings_.settings.workers, idle::searcher_limit(settings_.settings.workers, usable_cpus())),
      blocking_(settings_.settings.blocking_threads),
      monitor_(settings_.settings.hog_threshold) {
  forget_in_children();
  populations_[unsigned(kind::fibers)] = make_fibers(*this);
  populations_[unsigned(kind::tasks)] = make_tasks(*this);
  const unsigned count = settings_.settings.workers;
  for (unsigned i = 0; i < count; ++i) {
    workers_.push_back(std::make_unique<worker>(*this, i, seams_));
    for (unsigned k = 0; k < kinds; ++k) workers_.back()->admit(k, populations_[k]->move_in(*workers_.back()));
  }
  try {
    const signals_blocked blocked;
    for (auto& w : workers_) threads_.emplace_back([&worker = *w] { worker.run(); });
    monitor_.start(workers_);
    registry::add(*this);
  } catch (...) {
    stop();
    throw;
  }
}

scheduler::~scheduler() {
  shut_down();
  registry::remove(*this);
  wait_for_outsiders();  // [pin-4]
}

void scheduler::shut_down() noexcept {
  std::call_once(shut_down_, [this] {
    const auto begun = std::chrono::steady_clock::now();
    draining_.store(true, std::memory_order_seq_cst);
    for (;;) {
      for (auto& p : populations_) p->cancel_all();
      std::unique_lock guard(drain_lock_);
      if (outsiders_.load(std::memory_order_seq_cst) == 0 && all_ended()) break;  // [pin-3] in this order
      // Timed, because what is spawned behind the back of `cancel_all` has to be cancelled by the next round.
      drained_.wait_for(guard, std::chrono::milliseconds(10));
      if (std::chrono::steady_clock::now() - begun > blocking_pool::patience) blocking_.name_the_stuck();
    }
    blocking_.shut_down(begun);
    stop();
  });
}

bool scheduler::admit() noexcept {
  outsiders_.fetch_add(1, std::memory_order_seq_cst);           // pairs with `shut_down`
  if (!draining_.load(std::memory_order_seq_cst)) return true;  // which stored it before it looks
  unpin();
  return false;
}

void scheduler::stop() noexcept {
  monitor_.stop();
  stopping_.store(true, std::memory_order_seq_cst);  // [sleep-3]
  for (auto& w : workers_) w->wake();
  for (auto& t : threads_) t.join();
  threads_.clear();
  wait_for_outsiders();  // [pin-2]
  // What is registered there may be waited for elsewhere, and nobody looks here any more.
  for (auto& w : workers_) w->poller.reset();
}

void scheduler::wait_for_outsiders() noexcept {
  for (unsigned spins = 0; outsiders_.load(std::memory_order_acquire) != 0;) relax(spins++);  // pairs with `unpin`
}

bool scheduler::all_ended() const noexcept {
  std::uint64_t ended = 0, started = 0;
  for (const auto& p : populations_) ended += p->ended();
  for (const auto& p : populations_) started += p->started();
  return ended == started;  // [empty-1] in this order
}

void scheduler::somebody_idles() noexcept {
  if (!draining_.load(std::memory_order_relaxed)) return;  // a missed notice is made up for by the timed wait
  const std::lock_guard guard(drain_lock_);
  drained_.notify_all();
}

worker& scheduler::place() noexcept {
  return *workers_[turn_.fetch_add(1, std::memory_order_relaxed) % workers_.size()];
}

void scheduler::submit(runnable& r) noexcept {
  const int sleeper = idle_.worker_to_wake();
  (sleeper >= 0 ? *workers_[unsigned(sleeper)] : place()).send(r);
}

void scheduler::wake_one() noexcept {
  if (const int sleeper = idle_.worker_to_wake(); sleeper >= 0) workers_[unsigned(sleeper)]->wake();
}

bool scheduler::has_fresh_work() const noexcept {
  for (const auto& w : workers_) {
    if (w->has_fresh()) return true;
  }
  return false;
}

stats_snapshot scheduler::stats() const noexcept {
  stats_snapshot sum;
  sum.workers = workers_.size();
  for (const auto& w : workers_) {
    const auto& counts = w->counts();
    sum.switches += w->turns();
    sum.steals += counts.steals.load(std::memory_order_relaxed);
    sum.polls += counts.polls.load(std::memory_order_relaxed);
    sum.wakes += counts.wakes.load(std::memory_order_relaxed);
    sum.timers += w->timers.count();
  }
  for (const auto& p : populations_) p->add_to(sum);
  return sum;
}

void scheduler::dump(int fd) const noexcept {
  for (const auto& p : populations_) p->dump(fd);
}

}  // namespace weft::detail
