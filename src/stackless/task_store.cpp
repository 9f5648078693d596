// SPDX-License-Identifier: BSL-1.0
#include "stackless/task_store.hpp"

#include <new>

#include "base/immortal.hpp"

namespace weft::detail {

// Never destroyed: handles may outlive all runtimes.
task_store& task_store::of_process() noexcept {
  static immortal<task_store> store;
  return *store;
}

void task_store::add_slab() {
  const std::lock_guard guard(slabs_lock_);
  slabs_.reserve(slabs_.size() + 1);
  auto* const slab = static_cast<task_core*>(::operator new(batch * sizeof(task_core), std::align_val_t(64)));
  for (std::size_t i = batch; i-- > 0;) {
    ::new (static_cast<void*>(slab + i)) task_core;
    slab[i].next = i + 1 < batch ? slab + i + 1 : nullptr;
  }
  slabs_.push_back(slab);
  give(slab[0], slab[batch - 1]);
}

task_core* task_store::take_batch() {
  for (;;) {
    {
      const std::lock_guard guard(free_lock_);
      if (task_core* const list = free_) {
        task_core* last = list;
        for (std::size_t i = 1; i < batch && last->next; ++i) last = next_free(*last);
        free_ = next_free(*last);
        last->next = nullptr;
        return list;
      }
    }
    add_slab();
  }
}

task_core& task_store::take_one() {
  task_core& one = *take_batch();
  if (task_core* const rest = next_free(one)) {
    task_core* last = rest;
    while (last->next) last = next_free(*last);
    give(*rest, *last);
  }
  return one;
}

void task_store::give(task_core& first, task_core& last) noexcept {
  const std::lock_guard guard(free_lock_);
  last.next = free_;
  free_ = &first;
}

task_cache::~task_cache() {
  if (!free_) return;
  task_core* last = free_;
  while (last->next) last = next_free(*last);
  task_store::of_process().give(*free_, *last);
}

void task_cache::refill() {
  free_ = task_store::of_process().take_batch();
  for (const task_core* b = free_; b; b = next_free(*b)) ++count_;
}

void task_cache::spill() noexcept {
  task_core* const first = free_;
  task_core* last = first;
  for (std::size_t i = 1; i < most / 2; ++i) last = next_free(*last);
  free_ = next_free(*last);
  count_ -= most / 2;
  task_store::of_process().give(*first, *last);
}

}  // namespace weft::detail
