// SPDX-License-Identifier: BSL-1.0
// The timers of one worker: a 4-ary heap of (time, node) whose nodes know their places, so that a cancel leaves nothing.
//
// Why a heap (Zen 5, CPU ns per operation, beside a hierarchical wheel of 64 slots a level / libuv's binary heap): a
// million set 17 (5 / 84), cancelled in random order 150 (112 / 700), slept to their end 860 (820 / -); a 30 s timeout
// renewed among 1 / 1,000 / 100,000 live ones 13 / 22 / 100 (9 / 10 / 70; libuv 7 / 57 / 400). The wheel was first here
// and is cheaper; but it deals out a full slot at once, 7 ms late for a million sleepers (the heap: 0.1 to 0.2), and
// knows only roughly what comes next.
//
// Invariants
//  - No entry is earlier than its parent; the entries of equal times are ordered by `sequence`. The four children of an
//    entry share a cache line.
//  - Nodes for which there was no memory wait in a list, `crowd_`, searched one by one. It is empty unless the heap is
//    full, so an insertion cannot fail.
//  - `next_` is the earliest time of all, `deadline::limit` for none.
//
// Protocol
//  [timer-1] `expire` takes a node out and shows it in `firing_` under the lock, fires it without the lock, then clears
//            `firing_` and does not touch the node again.
//  [timer-2] `cancel` takes a queued node out under the lock; else it waits until `firing_` is not this node. The node
//            may go after that. Whoever cancels holds no lock that the fire takes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <weft/detail/base/spin_lock.hpp>
#include <weft/detail/run/timer_node.hpp>

namespace weft::detail {

class timers {
 public:
  // How large the heap may become. Tests make it small to run out of it.
  struct room {
    std::uint32_t most;
  };

  timers() noexcept = default;
  explicit timers(room r) noexcept : most_(r.most) {}
  ~timers();
  timers(const timers&) = delete;
  timers& operator=(const timers&) = delete;

  // Owner only. The node is not queued. One in the past fires at the next `expire`.
  void insert(timer_node& node) noexcept;

  // Any thread, the fire of another node included; not its own fire. Afterwards the node is neither queued nor firing.
  void cancel(timer_node& node) noexcept;

  // Owner only. The time of the earliest timer, `deadline::limit` for none. Relaxed: other threads only make it later.
  [[nodiscard]] std::int64_t next() const noexcept { return next_.load(std::memory_order_relaxed); }

  // Any thread. How many wait; a statistic.
  [[nodiscard]] std::size_t count() noexcept;

  // Owner only, not inside a fire. Fires all that are due at `now`, in the order of their times, equal ones in the order
  // of insertion. How many.
  std::size_t expire(std::int64_t now, wake_list& woken) noexcept;

 private:
  static constexpr std::int64_t limit = std::numeric_limits<std::int64_t>::max();
  static constexpr std::uint32_t ways = 4;
  static constexpr std::uint32_t worth_keeping = 4096;  // the memory of larger heaps goes when they are empty

  struct entry {
    std::int64_t at;
    timer_node* node;
  };

  static bool is_before(entry a, entry b) noexcept;
  [[nodiscard]] entry first() const noexcept;
  [[nodiscard]] bool has_room() noexcept;
  void publish() noexcept;
  void add(timer_node& node) noexcept;
  void take_out(timer_node& node) noexcept;
  void admit() noexcept;
  void leave_crowd(timer_node& node) noexcept;
  void place(std::uint32_t index, entry e) noexcept;
  void rise(std::uint32_t index, entry e) noexcept;
  void sink(std::uint32_t index, entry e) noexcept;
  void release() noexcept;

  spin_lock lock_;
  std::atomic<std::int64_t> next_{limit};
  std::atomic<timer_node*> firing_{nullptr};
  entry* heap_ = nullptr;
  std::uint32_t count_ = 0, room_ = 0, most_ = timer_node::crowded;
  std::uint32_t inserted_ = 0;
  timer_node* crowd_ = nullptr;
};

}  // namespace weft::detail
