// SPDX-License-Identifier: BSL-1.0
#include "context/process_stacks.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "context/memory_map.hpp"
#include "context/stack_cache.hpp"

using namespace weft::detail;
using weft::test::resident_pages;

TEST_CASE("a stack of the process is found by any address in its guard or itself, as long as its pool knows it") {
  stack* const s = take_shared_stack(4);
  CHECK(find_process_stack(s->low) == s);
  CHECK(find_process_stack(s->top() - 1) == s);
  CHECK(find_process_stack(s->low - 1) == s);
  CHECK(try_find_process_stack(s->low - guard_size) == s);
  const int elsewhere = 0;
  CHECK(find_process_stack(&elsewhere) == nullptr);
  CHECK(find_process_stack(nullptr) == nullptr);
  CHECK(find_process_stack(reinterpret_cast<void*>(~std::uintptr_t{0})) == nullptr);
  give_shared_stack(s);
}

TEST_CASE("a stack that was never handed out is not found") {
  stack_pool pool;
  stack* const s = pool.take(4);
  const auto stride = std::ptrdiff_t(stack_class_layout(4).stride);
  CHECK(pool.find(s->low) == s);
  CHECK(pool.find(s->low + stride) == nullptr);  // the next of the slab has no header yet
  stack* const next = pool.take(4);
  CHECK(pool.find(s->low + stride) == next);
  pool.give(s);
  CHECK(pool.find(s->low) == s);  // used before: its header stays
  pool.give(next);
}

TEST_CASE("stacks of the process may be given back by another thread, and by a worker's cache") {
  const std::size_t before = process_stack_stats().in_use;
  stack* s = take_shared_stack(4);
  CHECK(process_stack_stats().in_use == before + 1);
  std::thread([s] { give_shared_stack(s); }).join();
  CHECK(process_stack_stats().in_use == before);
  {
    stack_cache own(process_stacks());
    s = own.take(4);
    CHECK(process_stack_stats().in_use == before + 1);
    give_shared_stack(s);
    own.give(take_shared_stack(4));
  }
  CHECK(process_stack_stats().in_use == before);
}

TEST_CASE("deep pages of the process's stacks go back to the kernel, though no worker is ever idle there") {
  stack* const deep = take_shared_stack(4);
  std::memset(deep->low, 1, deep->size());
  CHECK(resident_pages(deep->low, deep->top()) > 60);
  give_shared_stack(deep);
  for (int i = 0; i < 1000; ++i) give_shared_stack(take_shared_stack(0));
  CHECK(resident_pages(deep->low, deep->top()) <= stack_cache::kept_size / page_size() + 1);
}
