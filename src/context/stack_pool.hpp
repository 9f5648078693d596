// SPDX-License-Identifier: BSL-1.0
// The stacks of one runtime: slabs by class, and the stacks that its workers' caches do not hold.
//
// Cold: a worker comes here when its cache is empty and when it gives up surplus, so a mutex is enough. Stacks that were
// used before go out before fresh ones, those of the oldest slabs first, so that slabs can become wholly unused; all but
// one of those (per class) are unmapped.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "context/guard.hpp"
#include "context/size_class.hpp"
#include "context/slab.hpp"
#include "context/stack.hpp"

namespace weft::detail {

class stack_cache;

struct stack_options {
  std::size_t default_size = std::size_t{256} << 10;
  bool unguarded_allowed = false;
  guard_method guards = guard_method::automatic;  // forced by tests, which cover both
  std::size_t mapping_limit = 0;                  // of mappings for guards by mprotect; 0: half of vm.max_map_count
};

struct stack_stats {
  std::size_t in_use = 0;  // handed out by pool and caches
  std::size_t pooled = 0;  // used before, waiting in pool and caches
  std::size_t bytes = 0;   // of address space in all slabs
};

class stack_pool {
 public:
  // Throws what class_of throws for the default size, and not_supported for a forced method that does not work here.
  explicit stack_pool(const stack_options& options = {});
  // Unmaps everything. No cache may be left.
  ~stack_pool();
  stack_pool(const stack_pool&) = delete;
  stack_pool& operator=(const stack_pool&) = delete;

  // The class for `bytes` usable bytes. Throws std::system_error (invalid_argument) that names the size. Any thread.
  [[nodiscard]] static unsigned class_of(std::size_t bytes) { return stack_class_of(bytes); }
  [[nodiscard]] unsigned default_class() const noexcept { return default_class_; }
  // The one that is used where the kernel does not refuse. Any thread.
  [[nodiscard]] guard_method guards() const noexcept { return policy_.guards; }

  // A list, linked by `next`, of one to `most` stacks of the class; fresh ones come alone, since their first page is
  // touched here. Throws std::system_error (not_enough_memory). Any thread.
  [[nodiscard]] stack* take(unsigned size_class, unsigned most = 1);
  // Takes one back, or a list of stacks of one class; nobody may stand on any of them. Any thread.
  void give(stack* s) noexcept {
    s->next = nullptr;
    give_list(s);
  }
  void give_list(stack* first) noexcept;

  // The stack, used before, that has this address in its guard or in itself; else null. Any thread.
  [[nodiscard]] stack* find(const void* address) const noexcept;
  // For signal handlers: null also when the pool is being changed by anybody.
  [[nodiscard]] stack* try_find(const void* address) const noexcept;

  // In use and pooled are a moment's view: the caches count without waiting for one another. Any thread.
  [[nodiscard]] stack_stats stats() const;

 private:
  friend class stack_cache;
  struct shelf {  // the slabs of one class
    std::vector<std::unique_ptr<slab>> slabs;
    std::size_t stacks = 0;  // in all of them
    std::size_t home = 0;    // slabs with no stack out
    // No slab before these has a used or a fresh stack.
    std::size_t first_used = 0;
    std::size_t first_fresh = 0;
  };

  // All under the lock.
  [[nodiscard]] stack* look_up(const void* address) const noexcept;
  [[nodiscard]] stack* take_used(shelf& from, unsigned most) noexcept;
  [[nodiscard]] slab& slab_with_fresh(shelf& from, unsigned size_class);
  // Gives address space and mappings back that other classes keep for nobody. Whether there was any.
  bool unmap_idle(const shelf& but) noexcept;
  void note_taken(shelf& from, const slab& home) noexcept;
  [[nodiscard]] std::unique_ptr<slab> remove(shelf& from, std::size_t position) noexcept;

  void enter(stack_cache& cache);
  void leave(stack_cache& cache) noexcept;

  slab_policy policy_;
  unsigned default_class_;
  mutable std::mutex mutex_;
  std::array<shelf, stack_classes> shelves_;
  std::vector<stack_cache*> caches_;
  std::size_t out_ = 0;   // handed out, also to caches
  std::size_t used_ = 0;  // here, and used before
  std::size_t bytes_ = 0;
};

}  // namespace weft::detail
