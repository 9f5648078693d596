// SPDX-License-Identifier: BSL-1.0
// What other threads give a worker: a lock-free list, many push, one takes all.
//
// Invariants
//  - `newest_` heads a list linked through `runnable::next`, newest first. Nodes leave only all at once, so a `push`
//    that compares equal to a head that went and came back still links the right list (no ABA).
//
// Protocol
//  [inbox-1] A waker pushes, then asks the worker's `sleep_word` whether it sleeps.
//  [inbox-2] A worker prepares its `sleep_word`, then looks whether its inbox is empty, then sleeps.
//  The push of [inbox-1] and the look of [inbox-2] are seq_cst on `newest_`, the other halves are seq_cst on the sleep
//  word: of the two, at least one sees the other. ([sleep-1] to [sleep-3] in idle.hpp are the same pair from the side
//  of the sleep word.)
#pragma once

#include <atomic>
#include <cstddef>

#include <weft/detail/run/fifo.hpp>

namespace weft::detail {

class inbox {
 public:
  inbox() = default;
  inbox(const inbox&) = delete;
  inbox& operator=(const inbox&) = delete;

  // Any thread. True if the inbox was empty. The moment it returns, `r` may have run and be gone.
  bool push(runnable& r) noexcept {
    runnable* old = newest_.load(std::memory_order_relaxed);  // the exchange below decides
    do {
      r.next = old;
      // Releases the runnable to `take_all`; seq_cst for [inbox-1].
    } while (!newest_.compare_exchange_weak(old, &r, std::memory_order_seq_cst, std::memory_order_relaxed));
    return !old;
  }

  // Owner only. Moves everything to the back of `to`, oldest first; how many they were.
  std::size_t take_all(fifo& to) noexcept {
    // Relaxed: what is missed here is found by the next look, at the latest by the one of [inbox-2].
    if (!newest_.load(std::memory_order_relaxed)) return 0;
    runnable* const newest = newest_.exchange(nullptr, std::memory_order_acquire);  // pairs with `push`
    runnable* oldest = nullptr;
    std::size_t count = 0;
    for (runnable* r = newest; r; ++count) {
      runnable* const older = r->next;
      r->next = oldest;
      oldest = r;
      r = older;
    }
    to.append(*oldest, *newest);
    return count;
  }

  // Any thread. seq_cst: the look of [inbox-2].
  [[nodiscard]] bool is_empty() const noexcept { return !newest_.load(std::memory_order_seq_cst); }

 private:
  std::atomic<runnable*> newest_{nullptr};
};

}  // namespace weft::detail
