// SPDX-License-Identifier: BSL-1.0
// Where the blocks of tasks come from: type-stable memory of the process, a cache per worker.
//
// Invariants
//  - Slabs are never freed, so a late wake always reads a claim. A block belongs to no runtime but while its task lives.
//  - Free blocks are linked by `next`; nobody knows them, and their claim has nothing pending.
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>
#include <weft/detail/base/spin_lock.hpp>
#include <weft/detail/stackless/task_core.hpp>

namespace weft::detail {

class task_store {
 public:
  static task_store& of_process() noexcept;

  // Any thread. A list of at most `batch` blocks. Throws bad_alloc.
  [[nodiscard]] task_core* take_batch();
  [[nodiscard]] task_core& take_one();
  // Any thread. A list, `first` to `last`.
  void give(task_core& first, task_core& last) noexcept;

  // Visits every block there is, in any state. No slab comes meanwhile.
  template <class Visitor> void for_each(Visitor&& visit) const {
    const std::lock_guard guard(slabs_lock_);
    for (task_core* slab : slabs_) {
      for (std::size_t i = 0; i < batch; ++i) visit(slab[i]);
    }
  }

  static constexpr std::size_t batch = 64;

 private:
  void add_slab();

  mutable std::mutex slabs_lock_;
  std::vector<task_core*> slabs_;
  spin_lock free_lock_;
  task_core* free_ = nullptr;
};

inline task_core* next_free(const task_core& block) noexcept { return static_cast<task_core*>(block.next); }

// A worker's free blocks. Owner only.
class task_cache {
 public:
  task_cache() = default;
  task_cache(const task_cache&) = delete;
  task_cache& operator=(const task_cache&) = delete;
  ~task_cache();

  [[nodiscard]] bool is_empty() const noexcept { return !free_; }
  [[nodiscard]] task_core& take() {
    if (!free_) [[unlikely]]
      refill();
    task_core& block = *free_;
    free_ = next_free(block);
    --count_;
    return block;
  }
  void give(task_core& block) noexcept {
    block.next = free_;
    free_ = &block;
    if (++count_ > most) [[unlikely]]
      spill();
  }

 private:
  static constexpr std::size_t most = 16 * task_store::batch;  // beyond it, half goes to the store
  void refill();
  void spill() noexcept;

  task_core* free_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace weft::detail
