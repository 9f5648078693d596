// SPDX-License-Identifier: BSL-1.0
// The stacks that one worker keeps for itself: take and give are a few instructions.
//
// Invariants:
//  - Hot: given back since the last trim, the most recent first. A fiber may give the stack that it still stands on:
//    only this worker can take it, and not before it has switched away.
//  - Cold: what lay unused through at least one trim, its deep pages given back to the kernel.
//
// How deep a stack was used is not watched (a canary word would touch the page that it guards, and mincore costs 1.5 us):
// trim gives the deep pages of every stack that was used since the last one back blindly, many with one call (measured:
// 0.32 us a stack). What take and give pay for it is nothing.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "context/size_class.hpp"
#include "context/stack.hpp"

namespace weft::detail {

class stack_pool;

class stack_cache {
 public:
  // A stack keeps this much below its top through a trim.
  static constexpr std::size_t kept_size = std::size_t{16} << 10;

  explicit stack_cache(stack_pool& pool);
  // Gives all to the pool; nobody may stand on one of them.
  ~stack_cache();
  stack_cache(const stack_cache&) = delete;
  stack_cache& operator=(const stack_cache&) = delete;

  // Throws std::system_error (not_enough_memory) when there is none here and the pool gets no more. Owner only.
  [[nodiscard]] stack* take(unsigned size_class) {
    stack* const s = take_hot(size_class);
    return s ? s : refill(size_class);
  }

  // Null when none is hot. Owner only.
  [[nodiscard]] stack* take_hot(unsigned size_class) noexcept {
    stack* const s = lists_[size_class].hot;
    if (s) [[likely]] {
      lists_[size_class].hot = s->next;
      count(-1);
    }
    return s;
  }

  // The caller may still stand on it, as long as it leaves before this worker takes or trims. Owner only.
  void give(stack* s) noexcept {
    list& to = lists_[s->size_class];
    s->next = to.hot;
    to.hot = s;
    count(+1);
  }

  // Gives deep pages back, and half of what was not used since the last call to the pool; a few always stay. True when
  // more is left to do, since one call does at most 256 stacks of a class (0.1 ms). Owner only, not on a given stack.
  // Meant for a worker that goes idle, and every so often (10 ms and more) for one that does not.
  bool trim() noexcept;

  // All to the pool. Owner only, not on a given stack.
  void give_back() noexcept;

  // Whether another trim, now or later, would give something back. Owner only.
  [[nodiscard]] bool has_surplus() const noexcept;

  // Stacks here. Any thread.
  [[nodiscard]] std::size_t held() const noexcept { return held_.load(std::memory_order_relaxed); }

 private:
  struct list {
    stack* hot = nullptr;
    stack* cold = nullptr;
    std::uint32_t cold_count = 0;
  };

  [[nodiscard, gnu::noinline]] stack* refill(unsigned size_class);
  bool cool(list& l) noexcept;
  bool spill(list& l) noexcept;

  // Relaxed: only the owner writes it, and who reads it wants a figure, not what it counts.
  [[gnu::always_inline]] void count(int change) noexcept {
    held_.store(held_.load(std::memory_order_relaxed) + static_cast<std::size_t>(change), std::memory_order_relaxed);
  }

  std::array<list, stack_classes> lists_ = {};
  std::atomic<std::size_t> held_{0};
  stack_pool& pool_;
};

}  // namespace weft::detail
