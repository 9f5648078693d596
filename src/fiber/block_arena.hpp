// SPDX-License-Identifier: BSL-1.0
// Where control blocks come from: slabs of type-stable memory, a free list per worker, a shared one for the rest.
//
// Invariants
//  - Slabs are never unmapped, so a stale reference always reads a control block. A runtime that ends leaves its slabs
//    to the next one; the pages go back to the kernel first, and read as zero: an ended fiber without an id.
//  - A slab belongs to one arena as long as that lives. Then it belongs to the handles that still hold a block of it
//    (`held`), and with the last of them it becomes spare. `arena` and `held` change under one lock of the process.
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

#include "fiber/control_block.hpp"

namespace weft::detail {

class block_arena;

// A run of blocks in one mapping.
struct block_slab {
  static constexpr std::size_t blocks = 256;

  [[nodiscard]] control_block& at(std::size_t i) const noexcept {
    return *reinterpret_cast<control_block*>(memory + i * sizeof(control_block));
  }

  std::byte* memory;
  block_arena* arena;    // null once that is gone
  std::size_t held = 0;  // blocks that handles hold, counted when the arena goes
};

// The blocks of one runtime.
class block_arena {
 public:
  explicit block_arena(fibers& of) noexcept : of_(of) {}
  block_arena(const block_arena&) = delete;
  block_arena& operator=(const block_arena&) = delete;
  // All fibers have ended, and the caches of the workers are gone.
  ~block_arena();

  // A list of free blocks linked by `next`. Any thread. Throws not_enough_memory, also when fibers wait for stacks.
  [[nodiscard]] runnable* take_batch();
  // Any thread.
  void give_batch(runnable* list) noexcept;
  // Any thread that is no worker of the block's runtime, which may be gone.
  static void give_back(control_block& block) noexcept;

  // Visits every block there is, in any state, without a lock: a visit may take its time. Blocks of slabs that come
  // meanwhile may be missed.
  template <class Visitor> void for_each(Visitor&& visit) const {
    const auto slab_at = [this](std::size_t number) -> const block_slab* {
      const std::lock_guard guard(lock_);
      return number < slabs_.size() ? slabs_[number] : nullptr;
    };
    for (std::size_t number = 0; const block_slab* const slab = slab_at(number); ++number) {
      for (std::size_t i = 0; i < block_slab::blocks; ++i) visit(slab->at(i));
    }
  }

 private:
  fibers& of_;
  mutable std::mutex lock_;
  std::vector<block_slab*> slabs_;
  runnable* free_ = nullptr;
};

// A worker's free blocks. Owner only.
class block_cache {
 public:
  explicit block_cache(block_arena& arena) noexcept : arena_(arena) {}
  block_cache(const block_cache&) = delete;
  block_cache& operator=(const block_cache&) = delete;
  ~block_cache();

  // Whether the next `take` has to ask the arena, and may throw.
  [[nodiscard]] bool empty() const noexcept { return !free_; }
  [[nodiscard]] control_block& take() {
    if (!free_) [[unlikely]]
      refill();
    runnable* const r = free_;
    free_ = r->next;
    --count_;
    return static_cast<control_block&>(*r);
  }
  // The next `take` asks `shortage` whether there may be one. [stack-3]
  void hide() noexcept;
  void give(control_block& block) noexcept {
    block.next = free_;
    free_ = &block;
    if (++count_ > most) [[unlikely]]
      spill();
  }

 private:
  static constexpr std::size_t most = 4 * block_slab::blocks;  // beyond it, half goes to the arena
  void refill();
  void spill() noexcept;

  runnable* free_ = nullptr;
  std::size_t count_ = 0;
  block_arena& arena_;
};

}  // namespace weft::detail
