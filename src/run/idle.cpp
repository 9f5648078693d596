// SPDX-License-Identifier: BSL-1.0
#include "run/idle.hpp"

#include <algorithm>
#include <cassert>
#include <mutex>

namespace weft::detail {

unsigned idle::searcher_limit(unsigned workers, unsigned cpus) noexcept {
  return cpus <= 1 ? 0 : std::max(1u, std::min(workers, cpus) / 2);
}

idle::idle(unsigned workers, unsigned searcher_limit)
    : searcher_limit_(searcher_limit), position_(workers, not_asleep) {
  assert(workers >= 1 && workers <= max_workers);
  list_.reserve(workers);  // nothing below allocates
}

bool idle::try_search() noexcept {
  // Relaxed: a publisher that reads this searcher relies only on how the search ends, and that is seq_cst.
  std::uint32_t old = word_.load(std::memory_order_relaxed);
  do {
    if (searchers_of(old) >= searcher_limit_) return false;
  } while (!word_.compare_exchange_weak(old, old + one_searcher, std::memory_order_relaxed));
  return true;
}

bool idle::end_search() noexcept {
  // seq_cst: pairs with the load of `worker_to_wake`; a publisher that read this searcher has published before this.
  return searchers_of(word_.fetch_sub(one_searcher, std::memory_order_seq_cst)) == 1;
}

void idle::announce(unsigned index, bool was_searching) noexcept {
  std::lock_guard guard(lock_);
  assert(position_[index] == not_asleep);
  position_[index] = static_cast<std::uint16_t>(list_.size());
  list_.push_back(static_cast<std::uint16_t>(index));
  // seq_cst: the sleeper's half of [idle-3], pairs with the load of `worker_to_wake`.
  word_.fetch_add(one_sleeper - (was_searching ? one_searcher : 0), std::memory_order_seq_cst);
}

idle::role idle::retract(unsigned index) noexcept {
  std::lock_guard guard(lock_);
  if (!remove(index)) return role::searching;
  word_.fetch_sub(one_sleeper, std::memory_order_relaxed);  // a publisher that still reads it finds out under the lock
  return role::active;
}

void idle::retract_to_search(unsigned index) noexcept {
  std::lock_guard guard(lock_);
  // Relaxed, as in `try_search`.
  if (remove(index)) word_.fetch_add(one_searcher - one_sleeper, std::memory_order_relaxed);
}

// The warmest sleeper, a searcher now, or -1 if meanwhile there is none or somebody searches.
int idle::choose_sleeper() noexcept {
  std::lock_guard guard(lock_);
  std::uint32_t old = word_.load(std::memory_order_seq_cst);  // as in `worker_to_wake`, which may be long ago
  do {
    if (!may_wake(old)) return -1;
    // seq_cst also on failure: "somebody searches" is again something that the caller relies on.
  } while (!word_.compare_exchange_weak(old, old + one_searcher - one_sleeper, std::memory_order_seq_cst));
  const unsigned chosen = list_.back();
  remove(chosen);
  return static_cast<int>(chosen);
}

// Under the lock. False if it is in the list no more: a publisher has chosen it.
bool idle::remove(unsigned index) noexcept {
  const std::uint16_t at = position_[index];
  if (at == not_asleep) return false;
  const std::uint16_t last = list_.back();
  list_[at] = last;
  position_[last] = at;
  list_.pop_back();
  position_[index] = not_asleep;
  return true;
}

}  // namespace weft::detail
