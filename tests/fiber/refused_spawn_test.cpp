// SPDX-License-Identifier: BSL-1.0
// Spawns that are refused because fibers wait for stacks.
#include <doctest/doctest.h>

#include <cstddef>
#include <exception>
#include <fstream>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/sync/latch.hpp>
#include <weft/weft.hpp>

#include "fiber/few_stacks.hpp"
#include "support/refusal.hpp"
#include "support/scale.hpp"
#include "support/session.hpp"

using weft::test::active_sanitizer;
using weft::test::few;
using weft::test::passes_with_few_stacks;
using weft::test::refuses;
using weft::test::sanitizer;

namespace {

using fibers = std::vector<weft::fiber<>>;

// Fibers that park, until a spawn is refused.
[[noreturn]] void spawn_until_refused(fibers& all) {
  for (;;) {
    all.push_back(weft::spawn([] { weft::this_fiber::sleep_until(weft::never); }));
    weft::this_fiber::yield();
  }
}
fibers use_up() {
  fibers all;
  CHECK(refuses(std::errc::not_enough_memory, "vm.max_map_count", [&all] { spawn_until_refused(all); }));
  return all;
}
std::exception_ptr refusal(fibers& all) {
  try {
    spawn_until_refused(all);
  } catch (const std::system_error&) {
    return std::current_exception();
  }
}

}  // namespace

TEST_CASE("alone: no stack while spawning" * doctest::skip()) {
  weft::run([] {
    {
      auto all = use_up();
      CHECK(all.size() + 5 > few / 2);
      CHECK(all.size() < 20 * few);  // those too that were spawned before a worker found out
      // The runtime lives on, and so do they.
      for (auto& f : all) CHECK(!f.done());
      weft::runtime& here = weft::this_runtime();
      std::thread([&here] {
        CHECK(refuses(std::errc::not_enough_memory, "vm.max_map_count", [&here] { return here.go([] {}), 0; }));
      }).join();
    }
    CHECK(weft::spawn([] { return 5; }).join() == 5);
    while (weft::stats().live_fibers != 1) weft::this_fiber::yield();  // another worker counts behind the join
  });
}
TEST_CASE("alone: no stack while every worker spawns" * doctest::skip()) {
  weft::run([] {
    weft::latch begun(weft::test::workers());  // before that, none of them may be refused
    weft::with_scope([&begun](weft::scope& s) {
      for (unsigned i = 0; i < weft::test::workers(); ++i) {
        s.spawn({.worker = int(i)}, [&begun] {
          begun.arrive_and_wait();
          for (int round = 0; round < 20; ++round) use_up();
        });
      }
    });
    fibers all;
    const std::exception_ptr one = refusal(all);
    CHECK(one != refusal(all));
  });
}
TEST_CASE("alone: stacks run out" * doctest::skip()) {
  weft::run([] {
    std::size_t limit = 0;
    std::ifstream("/proc/sys/vm/max_map_count") >> limit;
    const auto all = use_up();
    CHECK(all.size() > limit / 5);  // a guard splits a mapping, and half of the limit is what weft uses
    CHECK(all.size() < limit);
  });
}

TEST_CASE("when stacks run out spawn throws and says why, and the runtime lives on") {
  passes_with_few_stacks("alone: no stack while spawning");
}

TEST_CASE("each spawn that is refused gets an error of its own") {
  passes_with_few_stacks("alone: no stack while every worker spawns");
}

TEST_CASE("stacks run out at half of vm.max_map_count") {
  std::size_t limit = 0;
  std::ifstream("/proc/sys/vm/max_map_count") >> limit;
  if (active_sanitizer != sanitizer::none || limit == 0 || limit > 300'000) {
    weft::test::skip("it takes as many live fibers as vm.max_map_count");
    return;
  }
  passes_with_few_stacks("alone: stacks run out", "0");
}
