// SPDX-License-Identifier: BSL-1.0
#include "context/stack_cache.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "context/memory_map.hpp"
#include "context/stack_pool.hpp"
#include "support/scale.hpp"

using namespace weft::detail;
using weft::test::resident_pages;

namespace {

std::vector<stack*> take(stack_cache& cache, std::size_t count, unsigned size_class = 4) {
  std::vector<stack*> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(cache.take(size_class));
  return all;
}

void give(stack_cache& cache, const std::vector<stack*>& all) {
  for (stack* s : all) cache.give(s);
}

}  // namespace

TEST_CASE("the stack given last is taken first, per class") {
  stack_pool pool;
  stack_cache cache(pool);
  stack* a = cache.take(4);
  stack* b = cache.take(4);
  stack* c = cache.take(0);
  give(cache, {a, b, c});
  CHECK(cache.take(4) == b);
  CHECK(cache.take(0) == c);
  CHECK(cache.take(4) == a);
  give(cache, {a, b, c});
}

TEST_CASE("giving a stack writes nothing below its header") {
  stack_pool pool;
  stack_cache cache(pool);
  stack* s = cache.take(4);
  std::memset(s->low, 0x5a, s->size());
  cache.give(s);  // as from a fiber that still stands on it
  CHECK(std::all_of(s->low, s->top(), [](std::byte b) { return b == std::byte{0x5a}; }));
}

TEST_CASE("a stack used 200 KiB deep once gives its deep pages back") {
  stack_pool pool;
  stack_cache cache(pool);
  for (const std::size_t count : {std::size_t{1}, std::size_t{100}}) {
    const auto all = take(cache, count);
    for (stack* s : all) std::memset(s->top() - (200 << 10), 1, 200 << 10);
    give(cache, all);
    for (const stack* s : all) CHECK(resident_pages(s->low, s->top()) >= (200 << 10) / page_size());
    while (cache.trim()) {
    }
    const std::size_t kept = stack_cache::kept_size / page_size() + 1;
    for (const stack* s : all) CHECK(resident_pages(s->low, s->top()) <= kept);
    for (const stack* s : all) CHECK(resident_pages(s->top() - 1, s->top()) == 1);  // still warm for the next fiber
  }
}

TEST_CASE("the smallest stacks survive a trim") {
  stack_pool pool;
  stack_cache cache(pool);
  const auto all = take(cache, 3, 0);
  for (stack* s : all) std::memset(s->low, 1, s->size());
  give(cache, all);
  cache.trim();
  CHECK(cache.held() == 3);
  give(cache, take(cache, 3, 0));
}

TEST_CASE("a trim keeps what was used since the last one, and gives half of the rest to the pool") {
  stack_pool pool;
  stack_cache cache(pool);
  give(cache, take(cache, 100));
  CHECK(cache.held() == 100);
  CHECK(!cache.trim());
  CHECK(cache.held() == 100);
  cache.trim();
  CHECK(cache.held() == 58);  // (100 - 16) / 2 went
  give(cache, take(cache, 50));
  cache.trim();
  CHECK(cache.held() == 58);  // only eight were surplus, fewer than always stay
  for (int i = 0; i < 10; ++i) cache.trim();
  CHECK(cache.held() == 16);
  CHECK(pool.stats().in_use == 0);
}

TEST_CASE("a trim never spills the stack that was given last") {
  stack_pool pool;
  stack_cache cache(pool);
  give(cache, take(cache, 50));
  stack* last = cache.take(4);
  cache.give(last);
  for (int i = 0; i < 10; ++i) {
    cache.trim();
    stack* s = cache.take(4);
    CHECK(s == last);
    cache.give(s);
  }
}

TEST_CASE("one trim does a bounded amount and says that more is left") {
  stack_pool pool;
  stack_cache cache(pool);
  give(cache, take(cache, 600));
  CHECK(cache.trim());
  int more = 0;
  while (cache.trim()) ++more;
  CHECK(more >= 1);
  CHECK(more < 20);
  CHECK(cache.held() < 600);
  give(cache, take(cache, 600));
  CHECK(cache.held() + pool.stats().pooled >= 600);
}

TEST_CASE("what a cache has given back is not counted there any more") {
  stack_pool pool;
  stack_cache cache(pool);
  const auto all = take(cache, 70);
  give(cache, std::vector(all.begin(), all.begin() + 35));
  cache.trim();
  cache.give_back();
  CHECK(cache.held() == 0);
  CHECK(pool.stats().in_use == 35);
  give(cache, std::vector(all.begin() + 35, all.end()));
}

TEST_CASE("a cache that dies gives all to the pool") {
  stack_pool pool;
  {
    stack_cache cache(pool);
    auto all = take(cache, 70);
    give(cache, std::vector(all.begin(), all.begin() + 35));
    CHECK(pool.stats().in_use == 35);
    cache.trim();
    give(cache, std::vector(all.begin() + 35, all.end()));
  }
  CHECK(pool.stats().in_use == 0);
}

TEST_CASE("many workers take and give on one pool, and stacks wander between them") {
  stack_pool pool;
  constexpr int workers = 4;
  const std::size_t rounds = weft::test::scaled(400, 20);
  std::mutex handing;
  std::vector<stack*> handed;
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int w = 0; w < workers; ++w) {
    threads.emplace_back([&, w] {
      stack_cache cache(pool);
      const auto mark = static_cast<std::byte>(w + 1);
      for (std::size_t round = 0; round < rounds; ++round) {
        std::vector<stack*> mine =
            take(cache, 1 + (round * 7 + static_cast<std::size_t>(w)) % 90, round % 2 == 0 ? 4 : 0);
        for (stack* s : mine) std::memset(s->top() - 128, static_cast<int>(mark), 128);
        {
          const std::lock_guard lock(handing);
          for (stack* s : mine) {
            if (!std::all_of(s->top() - 128, s->top(), [mark](std::byte b) { return b == mark; })) ++wrong;
          }
          handed.insert(handed.end(), mine.begin(), mine.end());
          mine.assign(handed.begin(), handed.begin() + static_cast<std::ptrdiff_t>(handed.size() / 2));
          handed.erase(handed.begin(), handed.begin() + static_cast<std::ptrdiff_t>(handed.size() / 2));
        }
        give(cache, mine);
        if (round % 5 == 0) cache.trim();
        static_cast<void>(pool.stats());
      }
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(wrong == 0);
  CHECK(pool.stats().in_use == handed.size());
  CHECK(std::set(handed.begin(), handed.end()).size() == handed.size());
  for (stack* s : handed) pool.give(s);
  CHECK(pool.stats().in_use == 0);
}
