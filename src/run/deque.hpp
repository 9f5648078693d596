// SPDX-License-Identifier: BSL-1.0
// What is ready and may run on any worker: fresh runnables and movable fibers. Its owner pushes and pops at the bottom
// (LIFO, so that a recursive fan-out keeps few stacks alive), thieves and fairness take the oldest at the top.
//
// Chase and Lev's deque with the orders of Lê, Pop, Cohen, Zappa Nardelli (2013), except that their two fences are
// seq_cst operations on `top_` and `bottom_`, which TSan understands and which cost the same here (exchange 2.1 ns).
//
// Invariants
//  - The elements are the slots [top, bottom) of the ring, index modulo capacity. `top_` only grows, and every element
//    that leaves at the top leaves by one successful exchange of `top_`; so does the last one that leaves at the bottom.
//  - Only the owner writes `bottom_`, the slots and `ring_`. A slot is written again only after `top_` was seen beyond
//    it, so a thief whose exchange succeeds has read an element that was still its own.
//  - A ring that was outgrown is never written again and lives as long as the deque: a slow thief may still read it,
//    and what it reads of [top, bottom) there is the same. All of them together are smaller than the newest.
//
// Protocol
//  [deque-1] `push` writes the slot, then stores `bottom_` seq_cst: the publication. The same store is the first half
//            of [idle-1], so whoever pushes asks `idle::worker_to_wake` next without another fence.
//  [deque-2] `pop` lowers `bottom_` (seq_cst), then reads `top_` (seq_cst). `steal` reads `top_`, then `bottom_` (both
//            seq_cst), then exchanges `top_`. If the thief still saw the old bottom, `pop` sees a top at least as far
//            as the thief did: they cannot both believe the element theirs without the exchange of [deque-3].
//  [deque-3] The last element goes to whoever moves `top_` past it. An owner that sees only one moves `top_` at once,
//            without lowering `bottom_`: one exchange instead of two.
//
// Rejected: a private part that thieves do not see (the owner's end then needs no store-load pair). A worker stuck in
// one fiber would keep its private runnables from the others.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <weft/detail/run/fifo.hpp>

namespace weft::detail {

// What became of an attempt to steal. `lost`: somebody else took that element, there may be more.
enum class theft : std::uint8_t { got, empty, lost };

class deque {
 public:
  static constexpr std::size_t default_capacity = 256;

  enum class thieves : bool { none, some };

  // A power of two, at least 2. Without thieves only the owner may call anything, and nothing is exchanged (measured: 4 ns
  // less for a push and a pop).
  explicit deque(std::size_t capacity = default_capacity, thieves who = thieves::some);
  ~deque();
  deque(const deque&) = delete;
  deque& operator=(const deque&) = delete;

  // Owner only. [deque-1] False if there is no memory to grow: nothing has changed, the caller keeps the runnable
  // (its own `fifo` always has room).
  [[nodiscard]] bool push(runnable& r) noexcept { return push_if_room(r) || push_after_growing(r); }
  // The same; false, and nothing has changed, also if it looks full. Calls nothing.
  [[nodiscard]] bool push_if_room(runnable& r) noexcept {
    const std::uint64_t bottom = bottom_.load(std::memory_order_relaxed);  // the owner's own
    if (bottom - seen_top_ > mask_) [[unlikely]]
      return false;
    slot(bottom).store(&r, std::memory_order_relaxed);  // published by the next store
    if (has_thieves_)
      bottom_.store(bottom + 1, std::memory_order_seq_cst);  // pairs with `steal`, `is_empty`, [idle-2]
    else
      bottom_.store(bottom + 1, std::memory_order_relaxed);  // nobody else looks
    return true;
  }

  // Owner only. The youngest, or null.
  [[nodiscard]] runnable* pop() noexcept {
    const std::uint64_t bottom = bottom_.load(std::memory_order_relaxed);  // the owner's own
    // Relaxed: `top_` only grows, so an old value can only make the deque look longer, which the exchanges find out.
    const std::uint64_t size = bottom - top_.load(std::memory_order_relaxed);
    if (size == 0) return nullptr;
    runnable* const r = slot(bottom - 1).load(std::memory_order_relaxed);  // the owner wrote it
    if (!has_thieves_) {
      bottom_.store(bottom - 1, std::memory_order_relaxed);  // nobody else looks
      return r;
    }
    if (size == 1) return take(bottom - 1) ? r : nullptr;  // [deque-3]
    bottom_.store(bottom - 1, std::memory_order_seq_cst);  // [deque-2]
    if (const std::uint64_t top = top_.load(std::memory_order_seq_cst); top >= bottom - 1) [[unlikely]]
      return contested(bottom, top) ? r : nullptr;
    return r;
  }

  // Owner only. The oldest, or null: the other end, for fairness.
  [[nodiscard]] runnable* pop_oldest() noexcept {
    const std::uint64_t bottom = bottom_.load(std::memory_order_relaxed);  // the owner's own
    for (;;) {
      const std::uint64_t top = top_.load(std::memory_order_relaxed);  // `take` decides
      if (top == bottom) return nullptr;
      runnable* const r = slot(top).load(std::memory_order_relaxed);  // the owner wrote it
      if (take(top)) return r;
    }
  }

  // Any thread. The oldest goes to `loot` if the answer is `got`.
  [[nodiscard]] theft steal(runnable*& loot) noexcept;

  // Any thread; the look of [idle-3]. `top_` first: it only grows, so "empty" is true at the moment `bottom_` is read.
  // An element that the owner is just taking does not count.
  [[nodiscard]] bool is_empty() const noexcept {
    const std::uint64_t top = top_.load(std::memory_order_seq_cst);
    return top >= bottom_.load(std::memory_order_seq_cst);  // pairs with `push`
  }

  // Owner only, for statistics: thieves may make it less at any time.
  [[nodiscard]] std::size_t size() const noexcept {
    return bottom_.load(std::memory_order_relaxed) - top_.load(std::memory_order_relaxed);
  }

 private:
  using slot_type = std::atomic<runnable*>;
  struct ring;

  slot_type& slot(std::uint64_t index) noexcept { return slots_[index & mask_]; }

  // Whether the caller moved `top_` past this element. release: the owner, having acquired it in `make_room`,
  // overwrites the slot only after the thief has read it. seq_cst for [deque-2].
  bool take(std::uint64_t top) noexcept {
    return top_.compare_exchange_strong(top, top + 1, std::memory_order_seq_cst, std::memory_order_relaxed);
  }

  // Thieves have come up to the element that `pop` was taking. Whether the owner gets it. Inline, so that `pop` calls
  // nothing.
  [[gnu::always_inline]] bool contested(std::uint64_t bottom, std::uint64_t top) noexcept {
    const bool got = top == bottom - 1 && take(top);
    // Now top == bottom, the deque is empty. Relaxed: a thief that reads this value sees that too, or `take` fails.
    bottom_.store(bottom, std::memory_order_relaxed);
    return got;
  }
  bool push_after_growing(runnable& r) noexcept;
  bool make_room(std::uint64_t bottom) noexcept;

  static ring* new_ring(std::size_t capacity, ring* older) noexcept;

  // The thieves' line and the owner's line.
  alignas(64) std::atomic<std::uint64_t> top_{0};
  std::atomic<ring*> ring_;  // what thieves read; changes only when the deque grows
  alignas(64) std::atomic<std::uint64_t> bottom_{0};
  std::uint64_t seen_top_ = 0;  // a lower bound of `top_`, so that `push` need not read the thieves' line
  std::uint64_t mask_;          // the owner's copy of `ring_`
  slot_type* slots_;
  const bool has_thieves_;
};

}  // namespace weft::detail
