// SPDX-License-Identifier: BSL-1.0
// What options and the environment set is what a runtime has.
#include <doctest/doctest.h>
#include <sched.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>
#include <weft/weft.hpp>

#include "fiber/control_block.hpp"
#include "fiber/waiting.hpp"
#include "support/alone.hpp"

using weft::test::run_alone;

namespace {

const weft::detail::stack& own_stack() { return *weft::detail::current_fiber()->ground; }

std::size_t size_of_stacks(weft::options with) {
  return weft::run([] { return weft::spawn([] { return own_stack().size(); }).join(); }, std::move(with));
}

// A stack has at least what was asked for, and less than the next class.
bool is_of(std::size_t size, std::size_t asked) { return size >= asked && size < asked + asked / 2; }

}  // namespace

TEST_CASE("alone: 128 KiB are the usual size of stacks" * doctest::skip()) {
  CHECK(is_of(size_of_stacks({}), 128 << 10));
  CHECK(is_of(size_of_stacks({.stack_size = 1 << 20}), 1 << 20));
}
TEST_CASE("alone: 2 MiB are the usual size of stacks" * doctest::skip()) {
  CHECK(is_of(size_of_stacks({}), 2 << 20));
  CHECK(is_of(size_of_stacks({.stack_size = 64 << 10}), 64 << 10));
}

TEST_CASE("stacks are of the size that the options say, else WEFT_STACK_SIZE, else 256 KiB") {
  CHECK(is_of(size_of_stacks({}), 256 << 10));
  CHECK(is_of(size_of_stacks({.stack_size = 64 << 10}), 64 << 10));
  CHECK(is_of(size_of_stacks({.stack_size = 1 << 20}), 1 << 20));
  for (const char* size : {"131072", "128K"})
    CHECK(run_alone("alone: 128 KiB are the usual size of stacks", {std::string("WEFT_STACK_SIZE=") + size}).status ==
          0);
  CHECK(run_alone("alone: 2 MiB are the usual size of stacks", {"WEFT_STACK_SIZE=2M"}).status == 0);
}

TEST_CASE("alone: a worker for each CPU of the mask" * doctest::skip()) {
  unsetenv("WEFT_WORKERS");
  const auto workers = [] { return weft::run([] { return weft::stats().workers; }); };
  cpu_set_t mask;
  REQUIRE(sched_getaffinity(0, sizeof mask, &mask) == 0);
  CHECK(workers() == std::uint64_t(CPU_COUNT(&mask)));
  int first = 0;
  while (!CPU_ISSET(first, &mask)) ++first;
  CPU_ZERO(&mask);
  CPU_SET(first, &mask);
  REQUIRE(sched_setaffinity(0, sizeof mask, &mask) == 0);
  CHECK(workers() == 1);
}

TEST_CASE("nobody has said how many workers: there is one for each CPU of the mask") {
  CHECK(run_alone("alone: a worker for each CPU of the mask").status == 0);
}

TEST_CASE("alone: more stacks than guards" * doctest::skip()) {
  constexpr int count = 200;
  int guarded = 0, unguarded = 0;
  weft::run(
      [&] {
        weft::event go_on;
        std::vector<weft::fiber<>> all;
        for (int i = 0; i < count; ++i) {
          all.push_back(weft::spawn([&] {
            ++(own_stack().guard != 0 ? guarded : unguarded);
            go_on.wait();
          }));
        }
        while (guarded + unguarded < count) weft::this_fiber::yield();
        go_on.set();
        for (auto& f : all) f.join();
      },
      {.workers = 1, .unguarded_stacks = true});
  CHECK(guarded > 0);
  CHECK(unguarded > 0);
}

TEST_CASE("where the kernel gives no more guards, stacks without one are for who allows them") {
  CHECK(run_alone("alone: more stacks than guards", {"WEFT_DEBUG=guards=mprotect,mappings=80"}).status == 0);
}
