// SPDX-License-Identifier: BSL-1.0
#include "fiber/block_arena.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <memory>
#include <new>
#include <utility>
#include <weft/base/error.hpp>

#include "base/immortal.hpp"
#include "fiber/switching.hpp"

namespace weft::detail {

namespace {

constexpr std::size_t slab_bytes = block_slab::blocks * sizeof(control_block);

// Slabs that belong to no runtime, and what guards their change of owner. Never destroyed.
struct spare_slabs {
  std::mutex lock;
  std::vector<block_slab*> slabs;
};
spare_slabs& spares() {
  static immortal<spare_slabs> s;
  return *s;
}

block_slab* map_slab() {
  auto slab = std::make_unique<block_slab>();
  void* memory = mmap(nullptr, slab_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    throw_error(std::errc::not_enough_memory,
                errno == ENOMEM ? "weft: spawn: no memory for control blocks (address space or vm.max_map_count)"
                                : "weft: spawn: no memory for control blocks");
  }
  slab->memory = static_cast<std::byte*>(memory);
  for (std::size_t i = 0; i < block_slab::blocks; ++i) ::new (static_cast<void*>(&slab->at(i))) control_block;
  return slab.release();
}

void retire(spare_slabs& to, block_slab* slab) noexcept {
  madvise(slab->memory, slab_bytes, MADV_DONTNEED);  // reads as zero afterwards; failing only keeps the pages
  to.slabs.push_back(slab);                          // reserved when the slab was mapped
}

}  // namespace

control_block::control_block() noexcept : suspended_fiber(&start_fiber), waiting_fiber(&unpark_fiber) {
  innermost = &base;
}

void control_block::fit_out(block_slab& in, fibers& runtime) noexcept {
  slab = &in;
  of = &runtime;
  unpark = &unpark_fiber;
  innermost = &base;
  waits_until.store(deadline::limit, std::memory_order_relaxed);
  base.become_base_of(*this);
}

block_arena::~block_arena() {
  auto& spare = spares();
  const std::lock_guard guard(spare.lock);
  for (block_slab* slab : slabs_) {
    slab->arena = nullptr;
    slab->held = 0;
    for (std::size_t i = 0; i < block_slab::blocks; ++i) slab->held += slab->at(i).taken;
    if (slab->held == 0) retire(spare, slab);
  }
}

runnable* block_arena::take_batch() {
  of_.lack().refuse_spawn();
  {
    const std::lock_guard guard(lock_);
    if (runnable* list = free_) {
      runnable* last = list;
      for (std::size_t i = 1; i < block_slab::blocks && last->next; ++i) last = last->next;
      free_ = last->next;
      last->next = nullptr;
      return list;
    }
  }
  block_slab* slab = nullptr;
  {
    auto& spare = spares();
    const std::lock_guard guard(spare.lock);
    if (!spare.slabs.empty()) {
      slab = spare.slabs.back();
      spare.slabs.pop_back();
    } else {
      spare.slabs.reserve(spare.slabs.capacity() + 1);
      slab = map_slab();
    }
    slab->arena = this;
  }
  runnable* list = nullptr;
  for (std::size_t i = block_slab::blocks; i-- > 0;) {
    control_block& block = slab->at(i);
    block.fit_out(*slab, of_);
    block.next = list;
    list = &block;
  }
  try {
    const std::lock_guard guard(lock_);
    slabs_.push_back(slab);
  } catch (...) {
    auto& spare = spares();
    const std::lock_guard guard(spare.lock);
    slab->arena = nullptr;
    retire(spare, slab);
    throw;
  }
  return list;
}

void block_arena::give_batch(runnable* list) noexcept {
  runnable* last = list;
  while (last->next) last = last->next;
  const std::lock_guard guard(lock_);
  last->next = free_;
  free_ = list;
}

void block_arena::give_back(control_block& block) noexcept {
  auto& spare = spares();
  const std::lock_guard guard(spare.lock);
  block.taken = false;
  block_slab& slab = *block.slab;
  block.next = nullptr;
  if (slab.arena)
    slab.arena->give_batch(&block);
  else if (--slab.held == 0)
    retire(spare, &slab);
}

block_cache::~block_cache() {
  if (free_) arena_.give_batch(free_);
}

void block_cache::hide() noexcept {
  if (free_) arena_.give_batch(std::exchange(free_, nullptr));
  count_ = 0;
}

void block_cache::refill() {
  free_ = arena_.take_batch();
  for (runnable* r = free_; r; r = r->next) ++count_;
}

void block_cache::spill() noexcept {
  runnable* last = free_;
  for (std::size_t i = 1; i < most / 2; ++i) last = last->next;
  runnable* const list = free_;
  free_ = last->next;
  last->next = nullptr;
  count_ -= most / 2;
  arena_.give_batch(list);
}

}  // namespace weft::detail
