// SPDX-License-Identifier: BSL-1.0
#include "context/stack_pool.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <ostream>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "context/child_process.hpp"
#include "context/memory_map.hpp"
#include "context/stack_cache.hpp"
#include "support/scale.hpp"
#include "support/session.hpp"

using namespace weft::detail;
using weft::test::resident_pages;

TEST_CASE("a stack has at least the size of its class, and a top that is aligned") {
  stack_pool pool;
  for (const unsigned size_class : {0u, 1u, 4u, 7u}) {
    stack* s = pool.take(size_class);
    CHECK(s->size_class == size_class);
    CHECK(s->size() >= stack_class_size(size_class));
    CHECK(s->size() < stack_class_size(size_class) + 2 * page_size() + page_size() * (page_size() / 4096));
    CHECK(reinterpret_cast<std::uintptr_t>(s->top()) % 64 == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(s->low) % page_size() == 0);
    std::memset(s->low, 1, s->size());
    CHECK(s->size_class == size_class);  // the header lies outside
    pool.give(s);
  }
}

TEST_CASE("tops are coloured, and the header lies in the page of the first frames") {
  stack_pool pool;
  std::vector<stack*> all;
  std::map<std::uintptr_t, int> colours;
  std::set<std::uintptr_t> strides;
  for (int i = 0; i < 64; ++i) all.push_back(pool.take(4));
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto top = reinterpret_cast<std::uintptr_t>(all[i]->top());
    ++colours[top % page_size()];
    CHECK(top % page_size() >= page_size() - 1024 - 64);
    CHECK(resident_pages(all[i]->low, all[i]->top() + sizeof(stack)) == 1);
  }
  CHECK(colours.size() == stack_colours);
  for (const auto& [colour, count] : colours) CHECK(count == 4);
  for (stack* s : all) pool.give(s);
}

TEST_CASE("a stack that nobody took is not touched") {
  stack_pool pool;
  stack* s = pool.take(4);  // the first of a slab of 16
  const std::size_t stride = stack_class_layout(4).stride;
  for (std::size_t i = 1; i < 16; ++i) {
    CHECK(resident_pages(s->low + i * stride, s->low + (i + 1) * stride - stack_class_layout(4).guard) == 0);
  }
  pool.give(s);
}

TEST_CASE("no stack is handed out twice") {
  stack_pool pool;
  std::set<stack*> seen;
  std::vector<std::pair<const std::byte*, const std::byte*>> spans;
  for (int i = 0; i < 300; ++i) {
    stack* s = pool.take(i % 3 == 0 ? 0 : 4);
    CHECK(seen.insert(s).second);
    spans.emplace_back(s->low - s->guard, s->top() + sizeof(stack));
  }
  std::ranges::sort(spans);
  for (std::size_t i = 1; i < spans.size(); ++i) CHECK(spans[i - 1].second <= spans[i].first);
  CHECK(pool.stats().in_use == 300);
  for (stack* s : seen) pool.give(s);
  CHECK(pool.stats().in_use == 0);
}

TEST_CASE("a default size that cannot be is an error of the pool") {
  CHECK_THROWS_AS(stack_pool({.default_size = 100}), std::system_error);
  CHECK_THROWS_AS(stack_pool({.default_size = ~std::size_t{0}}), std::system_error);
  CHECK(stack_pool({.default_size = 70'000}).default_class() == 3);
}

TEST_CASE("used stacks go out before fresh ones") {
  stack_pool pool;
  std::set<stack*> used;
  for (int i = 0; i < 40; ++i) used.insert(pool.take(4));
  const std::size_t bytes = pool.stats().bytes;
  for (stack* s : used) pool.give(s);
  stack* list = pool.take(4, 1000);
  std::size_t count = 0;
  for (stack* s = list; s != nullptr; s = s->next) {
    CHECK(used.contains(s));
    ++count;
  }
  CHECK(count == pool.stats().in_use);
  CHECK(count >= 1);
  CHECK(pool.stats().bytes <= bytes);
  pool.give_list(list);
}

TEST_CASE("slabs grow with what there is") {
  stack_pool pool;
  std::vector<stack*> all;
  std::set<std::size_t> sizes;
  while (all.size() < 500) {
    all.push_back(pool.take(0));
    sizes.insert(pool.stats().bytes);
  }
  CHECK(sizes.size() == 6);  // 16, 16, 32, 64, 128, 256
  CHECK(*sizes.begin() == 16 * stack_class_layout(0).stride);
  for (stack* s : all) pool.give(s);
}

TEST_CASE("of the slabs that are not used any more all but one are unmapped") {
  stack_pool pool;
  std::vector<stack*> all;
  for (int i = 0; i < 500; ++i) all.push_back(pool.take(4));
  const std::size_t peak = pool.stats().bytes;
  const std::size_t stride = stack_class_layout(4).stride;
  CHECK(peak >= 500 * stride);
  for (std::size_t i = 1; i < all.size(); ++i) pool.give(all[i]);
  const stack_stats after = pool.stats();
  CHECK(after.in_use == 1);
  CHECK(after.bytes < peak);
  CHECK(after.bytes > 0);
  CHECK(after.pooled < after.bytes / stride);
  pool.give(all[0]);
  CHECK(pool.stats().bytes > 0);
  CHECK(pool.stats().in_use == 0);
  // The one that is kept serves, whatever was taken and given since.
  const std::size_t kept = pool.stats().bytes;
  for (int i = 0; i < 5; ++i) pool.give(pool.take(4));
  CHECK(pool.stats().bytes == kept);
}

TEST_CASE("a slab that is mapped after others were unmapped is used up before the next one is mapped") {
  stack_pool pool;
  std::vector<stack*> all;
  for (int i = 0; i < 300; ++i) all.push_back(pool.take(0));
  const std::size_t peak = pool.stats().bytes;
  for (int i = 0; i < 16; ++i) pool.give(all[std::size_t(i)]);    // the first slab, which is kept
  for (std::size_t i = all.size(); i-- > 16;) pool.give(all[i]);  // and the last ones, the last one first
  all.clear();
  while (all.size() < 300) {
    stack* list = pool.take(0, 1000);
    for (stack* s = list; s != nullptr; s = s->next) all.push_back(s);
  }
  CHECK(pool.stats().bytes == peak);
  for (stack* s : all) pool.give(s);
}

TEST_CASE("all that is left after slabs were unmapped is found again, before a new slab is mapped") {
  // Every order in which slabs become unused: the last one moves to where another one was.
  for (std::size_t first = 0; first < 480; first += 16) {
    stack_pool pool;
    const std::size_t stride = stack_class_layout(0).stride;
    std::vector<stack*> all;
    for (int i = 0; i < 300; ++i) all.push_back(pool.take(0));
    std::vector<stack*> held;
    for (std::size_t i = 0; i < all.size(); ++i) {
      stack* s = all[(i + first) % all.size()];
      if (i % 128 == 100) {
        held.push_back(s);
      } else {
        pool.give(s);
      }
    }
    const stack_stats left = pool.stats();
    CHECK(left.in_use == held.size());
    while (held.size() < left.in_use + left.pooled) {
      stack* list = pool.take(0, 1000);
      for (stack* s = list; s != nullptr; s = s->next) held.push_back(s);
    }
    CHECK(held.size() == left.in_use + left.pooled);
    while (held.size() < left.bytes / stride) held.push_back(pool.take(0));
    CHECK(pool.stats().bytes == left.bytes);
    CHECK(std::set(held.begin(), held.end()).size() == held.size());
    for (stack* s : held) {
      std::memset(s->top() - 64, 1, 64);
      pool.give(s);
    }
    CHECK(pool.stats().in_use == 0);
  }
}

TEST_CASE("a pool leaves no mapping behind") {
  if (!weft::test::stack_mappings_are_seen()) {
    return weft::test::skip("/proc/self/smaps does not tell the flags of mappings (an emulator)");
  }
  const auto use = [](guard_method method) {
    stack_pool pool({.guards = method});
    stack_cache cache(pool);
    std::vector<stack*> all;
    for (int i = 0; i < 200; ++i) all.push_back(cache.take(static_cast<unsigned>(i % 5)));
    const std::size_t during = weft::test::mapped_for_stacks().bytes;
    for (stack* s : all) cache.give(s);
    return during;
  };
  use(guard_method::automatic);  // a sanitizer maps shadow once
  const std::size_t before = weft::test::mapped_for_stacks().bytes;
  for (const guard_method method : {guard_method::automatic, guard_method::protect, guard_method::none}) {
    CHECK(use(method) > before);
    CHECK(weft::test::mapped_for_stacks().bytes == before);
  }
}

TEST_CASE("without address space a stack is refused by an error that names it, and the pool lives on") {
  if (weft::test::active_sanitizer != weft::test::sanitizer::none) {
    weft::test::skip("a sanitizer needs terabytes of address space");
    return;
  }
  const auto end = weft::test::in_child([] {
    stack_pool pool;
    stack* first = pool.take(4);
    rlimit limit = {};
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = weft::test::status_bytes("VmSize") + (std::size_t{20} << 20);
    setrlimit(RLIMIT_AS, &limit);
    if (mmap(nullptr, std::size_t{1} << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) !=
        MAP_FAILED) {
      return 77;
    }
    std::array<stack*, 1000> more = {};
    std::size_t got = 0;
    try {
      while (got < more.size()) {
        more[got] = pool.take(4);
        ++got;
      }
    } catch (const std::system_error& e) {
      if (e.code() != std::errc::not_enough_memory) return 1;
      if (std::strstr(e.what(), "262144") == nullptr || std::strstr(e.what(), "RLIMIT_AS") == nullptr) return 2;
    }
    // Slabs became smaller before it gave up: 20 MiB have room for 74 stacks, 15 are left of the first slab.
    if (got < 70 || got == more.size()) return 3;
    pool.give(first);
    if (pool.take(4) != first) return 4;
    return 0;
  });
  if (end.status == 77) return weft::test::skip("RLIMIT_AS limits nothing (an emulator)");
  CHECK(end.status == 0);
  CHECK(end.said == "");
}

// The limit is the process's: where guards are made by mprotect, the stacks that the process keeps count as well.
static std::size_t guards_of_others() {
  stack_pool pool({.guards = guard_method::protect, .mapping_limit = 100 * mappings_per_guard});
  std::size_t free = 0;
  CHECK_THROWS_AS(for (;; ++free)(void) pool.take(0), std::system_error);
  return 100 - free;
}

TEST_CASE("what one class keeps for nobody is given up when another one needs it") {
  const std::size_t limit = (guards_of_others() + 16) * mappings_per_guard;
  stack_pool pool({.guards = guard_method::protect, .mapping_limit = limit});
  std::vector<stack*> small;
  for (int i = 0; i < 16; ++i) small.push_back(pool.take(0));
  CHECK_THROWS_AS((void)pool.take(4), std::system_error);
  for (stack* s : small) pool.give(s);
  CHECK(pool.stats().pooled == 16);
  stack* const large = pool.take(4);
  CHECK(pool.stats().pooled == 0);
  CHECK(pool.stats().in_use == 1);
  CHECK_THROWS_AS(for (;;) small.push_back(pool.take(0)), std::system_error);
  pool.give(large);
}

TEST_CASE("a used stack is found also when its slab has taken the place of one that was never used") {
  const std::size_t limit = (guards_of_others() + 32) * mappings_per_guard;
  stack_pool pool({.guards = guard_method::protect, .mapping_limit = limit});
  std::array<stack*, 32> all;  // two slabs
  for (stack*& s : all) s = pool.take(0);
  CHECK_THROWS_AS((void)pool.take(0), std::system_error);              // leaves a third one, without a guard
  for (std::size_t i = 0; i < all.size() / 2; ++i) pool.give(all[i]);  // which comes into the place of the first
  pool.give(all.back());
  CHECK(pool.take(0) == all.back());  // passes by it
  pool.give(all.back());
  CHECK_THROWS_AS(for (;;)(void) pool.take(4), std::system_error);  // unmaps it
  CHECK(pool.take(0) == all.back());
}

TEST_CASE("far more guarded stacks than mappings live at once, a page and less than 600 bytes of page tables each") {
  // A million takes seconds; the fiber floor's tests do that.
  constexpr std::size_t count = 200'000;
  if (weft::test::max_live_fibers() < count || !guard_install_works()) {
    weft::test::skip("needs a native build and MADV_GUARD_INSTALL (Linux 6.13 and later)");
    return;
  }
  const std::size_t before = weft::test::status_bytes("VmRSS") + weft::test::status_bytes("VmPTE");
  const std::size_t mappings = weft::test::mapped_for_stacks().mappings;
  stack_pool pool;
  stack_cache cache(pool);
  stack* all = nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    stack* s = cache.take(pool.default_class());
    std::memset(s->top() - 512, 1, 512);
    s->next = all;
    all = s;
  }
  const std::size_t after = weft::test::status_bytes("VmRSS") + weft::test::status_bytes("VmPTE");
  CHECK(after - before < count * (page_size() + 600));
  CHECK(weft::test::mapped_for_stacks().mappings - mappings < 1000);  // slabs, and adjacent ones are one mapping
  CHECK(weft::test::faults(all->low - 1));
  while (all != nullptr) cache.give(std::exchange(all, all->next));
  while (cache.trim()) {
  }
  CHECK(weft::test::status_bytes("VmRSS") + weft::test::status_bytes("VmPTE") < before + count * page_size() / 20);
}
