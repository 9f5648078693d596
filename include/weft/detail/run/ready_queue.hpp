// SPDX-License-Identifier: BSL-1.0
// What is ready on one worker, may run nowhere else, and in which order: the started fibers and tasks. Owner only.
//
//   1. `next_`: the joiner of what just ended, or a hand-off; at most 16 in a row, then it queues like the others
//   2. `fifo_`: first come, first served
//   every 61 picks: a fair turn, in which the worker looks to what these two would starve
//
// In a header that coroutines inline, because a call from a coroutine and back costs more than a yield.
#pragma once

#include <atomic>
#include <weft/detail/run/fifo.hpp>
#include <weft/detail/run/runnable.hpp>

namespace weft::detail {

class ready_queue {
 public:
  ready_queue() = default;
  ready_queue(const ready_queue&) = delete;
  ready_queue& operator=(const ready_queue&) = delete;

  [[nodiscard]] bool empty() const noexcept { return !next_ && fifo_.empty(); }
  void push(runnable& r) noexcept { fifo_.push_back(r); }
  // Runs before all others.
  void push_next(runnable& r) noexcept {
    if (next_) fifo_.push_back(*next_);
    next_ = &r;
  }

  [[nodiscard]] runnable* pop() noexcept {
    if (runnable* const r = next_) {
      next_ = nullptr;
      if (++streak_ <= longest_streak) return r;
      fifo_.push_back(*r);
    }
    streak_ = 0;
    return fifo_.pop_front();
  }
  // How many wait in line, counted up to `most`.
  [[nodiscard]] unsigned length(unsigned most) const noexcept {
    unsigned found = 0;
    for (const runnable* r = fifo_.front(); r && found < most; r = r->next) ++found;
    return found;
  }
  // What the pop after the next will probably give; for prefetching.
  [[nodiscard]] runnable* peek() const noexcept { return fifo_.front(); }

  // The usual yield: `self`, which runs, goes to the end of the queue, and the answer, of the same kind, runs instead.
  // Null, and nothing has changed, if that is not all there is to it: what is first is of another kind, or there is
  // nothing, or a fair turn due.
  [[nodiscard]] runnable* take_turns(runnable& self, runnable::resume_function kind) noexcept {
    const unsigned left = ticks_.load(std::memory_order_relaxed) - 1;
    runnable* const first = fifo_.front();
    if (left == 0 || next_ || !first || first->resume != kind) return nullptr;
    fifo_.exchange_front(self);
    streak_ = 0;
    ticks_.store(left, std::memory_order_relaxed);
    return first;
  }

  // --- The worker's own ---

  // Counts a pick. True: this one is a fair turn.
  [[nodiscard]] bool count_down() noexcept {
    const unsigned left = ticks_.load(std::memory_order_relaxed) - 1;
    ticks_.store(left, std::memory_order_relaxed);
    return left == 0;
  }
  // The same for a pick that is no fair turn. False: that is due, and nothing was counted.
  [[nodiscard]] bool count_usual() noexcept {
    const unsigned left = ticks_.load(std::memory_order_relaxed) - 1;
    if (left == 0) return false;
    ticks_.store(left, std::memory_order_relaxed);
    return true;
  }
  void restart(unsigned picks) noexcept { ticks_.store(picks, std::memory_order_relaxed); }
  // Any thread; relaxed, like all of `ticks_`: others only watch it.
  [[nodiscard]] unsigned picks_left() const noexcept { return ticks_.load(std::memory_order_relaxed); }
  // All in one line.
  [[nodiscard]] fifo& in_line() noexcept {
    if (runnable* const r = next_) {
      next_ = nullptr;
      fifo_.push_back(*r);
    }
    return fifo_;
  }

  static constexpr unsigned fair_period = 61;  // prime, so that it does not beat with a program's own periods
  static constexpr unsigned longest_streak = 16;

 private:
  runnable* next_ = nullptr;
  unsigned streak_ = 0;
  std::atomic<unsigned> ticks_{fair_period};  // picks until the next fair turn; written by the owner alone
  fifo fifo_;
};

}  // namespace weft::detail
