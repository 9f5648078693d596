// SPDX-License-Identifier: BSL-1.0
#include "context/guard.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <ostream>
#include <system_error>
#include <vector>

#include "context/advise.hpp"
#include "context/child_process.hpp"
#include "context/memory_map.hpp"
#include "context/stack_pool.hpp"
#include "support/scale.hpp"
#include "support/session.hpp"

using namespace weft::detail;
using weft::test::faults;

namespace {

struct taken {  // a few stacks that go back
  stack_pool& pool;
  std::vector<stack*> stacks;
  taken(stack_pool& p, unsigned size_class, int count) : pool(p) {
    for (int i = 0; i < count; ++i) stacks.push_back(pool.take(size_class));
  }
  ~taken() {
    for (stack* s : stacks) pool.give(s);
  }
};

void check_guarded(const stack& s) {
  CHECK(s.guard >= guard_size);
  CHECK(!faults(s.low));
  CHECK(!faults(s.top() - 1));
  for (std::size_t below = 1; below <= s.guard; below += page_size() / 2) {
    CHECK(faults(s.low - below));
    CHECK(s.guards(s.low - below));
  }
  CHECK(faults(s.low - s.guard));
  CHECK(!s.guards(s.low - s.guard - 1));
  CHECK(!s.guards(s.low));
}

void check_every_guard(guard_method method) {
  stack_pool pool({.guards = method});
  CHECK(pool.guards() == method);
  for (const unsigned size_class : {0u, 4u, 9u}) {
    const taken some(pool, size_class, 50);  // several slabs
    for (const stack* s : some.stacks) check_guarded(*s);
  }
}

}  // namespace

TEST_CASE("every byte of every guard by MADV_GUARD_INSTALL faults, and none of the stack does") {
  if (!guard_install_works()) {
    CHECK_THROWS_AS(stack_pool({.guards = guard_method::guard_install}), std::system_error);
    return weft::test::skip("MADV_GUARD_INSTALL does not work here (Linux 6.13 and later have it)");
  }
  check_every_guard(guard_method::guard_install);
}

TEST_CASE("every byte of every guard by mprotect faults, and none of the stack does") {
  check_every_guard(guard_method::protect);
}

TEST_CASE("a pool chooses guards that are proved") {
  stack_pool pool;
  CHECK(pool.guards() == (guard_install_works() ? guard_method::guard_install : guard_method::protect));
  const taken some(pool, 4, 1);
  check_guarded(*some.stacks[0]);
}

TEST_CASE("without guards nothing claims that there is one") {
  stack_pool pool({.guards = guard_method::none});
  const taken some(pool, 4, 3);
  for (const stack* s : some.stacks) {
    CHECK(s->guard == 0);
    CHECK(!s->guards(s->low - 1));
    CHECK(!faults(s->low - 1));
  }
}

TEST_CASE("guards by mprotect stop at their limit with an error that names it, and the pool lives on") {
  stack_pool pool({.guards = guard_method::protect, .mapping_limit = 40});
  taken some(pool, 4, 20);
  for (const unsigned size_class : {4u, 4u, 5u}) {
    try {
      pool.give(pool.take(size_class));
      FAIL("one more was handed out");
    } catch (const std::system_error& e) {
      CHECK(e.code() == std::errc::not_enough_memory);
      CHECK(std::string(e.what()).find("vm.max_map_count") != std::string::npos);
    }
  }
  CHECK(pool.stats().in_use == 20);
  pool.give(some.stacks.back());
  some.stacks.back() = pool.take(4);  // the one that went back
  check_guarded(*some.stacks.back());
}

TEST_CASE("the limit counts the guards of all pools, and those of dead pools no more") {
  for (int round = 0; round < 3; ++round) {
    stack_pool first({.guards = guard_method::protect, .mapping_limit = 40});
    stack_pool second({.guards = guard_method::protect, .mapping_limit = 40});
    const taken some(first, 4, 12);
    const taken others(second, 4, 8);
    CHECK_THROWS_AS(static_cast<void>(second.take(4)), std::system_error);
    CHECK_THROWS_AS(static_cast<void>(first.take(4)), std::system_error);
  }
}

TEST_CASE("beyond the limit stacks go unguarded where that is allowed, and say so") {
  stack_pool pool({.unguarded_allowed = true, .guards = guard_method::protect, .mapping_limit = 40});
  const taken some(pool, 4, 100);
  int guarded = 0;
  for (const stack* s : some.stacks) {
    if (s->guard != 0) {
      ++guarded;
      check_guarded(*s);
    } else {
      CHECK(!faults(s->low - 1));
    }
  }
  CHECK(guarded == 20);
}

TEST_CASE("guards by mprotect are no more than half of what vm.max_map_count allows") {
  std::ifstream file("/proc/sys/vm/max_map_count");
  std::size_t limit = 0;
  file >> limit;
  CHECK(most_mappings() == limit);
}

TEST_CASE("the kernel refuses guards in locked memory, and then the caller hears of it") {
  if (!guard_install_works()) return;  // nothing to refuse
  void* page = mmap(nullptr, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(page != MAP_FAILED);
  if (syscall(SYS_mlock, page, page_size()) == 0) {  // sanitizers make mlock() do nothing
    iovec range{page, page_size()};
    errno = 0;
    CHECK(!install_guards({&range, 1}));
    CHECK(errno == EINVAL);
  }
  munmap(page, page_size());
}

TEST_CASE("in a process that locks its memory slabs are neither locked nor populated, and are guarded") {
  const auto end = weft::test::in_child([] {
    if (weft::test::active_sanitizer != weft::test::sanitizer::none || mlockall(MCL_FUTURE) != 0) return 77;
    stack_pool pool;
    stack* s = pool.take(4);
    const std::size_t stride = stack_class_layout(4).stride;
    if (!faults(s->low - 1) || s->guard == 0) return 1;
    if (weft::test::resident_pages(s->low, s->top()) != 1) return 2;
    if (weft::test::resident_pages(s->low + stride, s->top() + stride) != 0) return 3;
    return 0;
  });
  if (end.status == 77)
    return weft::test::skip("memory cannot be locked here, or a sanitizer keeps it from being locked");
  CHECK(end.status == 0);
}

TEST_CASE("advice reaches every one of many ranges") {
  // More than fit into one call, each of two pages of which the first is given back.
  constexpr std::size_t ranges = 1500;
  const std::size_t page = page_size();
  auto* base = static_cast<std::byte*>(
      mmap(nullptr, ranges * 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  REQUIRE(base != MAP_FAILED);
  std::vector<iovec> first(ranges);
  for (std::size_t i = 0; i < ranges; ++i) {
    base[i * 2 * page] = base[(i * 2 + 1) * page] = std::byte{1};
    first[i] = {base + i * 2 * page, page};
  }
  for (const std::size_t count : {std::size_t{3}, ranges}) {
    CHECK(advise({first.data(), count}, MADV_DONTNEED));
    CHECK(weft::test::resident_pages(base, base + ranges * 2 * page) == 2 * ranges - count);
  }
  munmap(base, ranges * 2 * page);
}
