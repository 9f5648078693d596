// SPDX-License-Identifier: BSL-1.0
// The monitor: one line when a fiber holds its worker.
#include <doctest/doctest.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>
#include <weft/weft.hpp>

#include "sched/run_delay.hpp"
#include "support/alone.hpp"
#include "support/busy.hpp"

using namespace std::chrono_literals;
using weft::test::keep_busy;
using weft::test::run_alone;

TEST_CASE("alone: a fiber holds its worker" * doctest::skip()) {
  weft::run(
      [] {
        // Asleep first, so that the monitor dozes and has to be woken.
        weft::this_fiber::sleep_for(30ms);
        weft::spawn({.name = "hog"}, [] { keep_busy(200ms); }).join();
        weft::this_fiber::sleep_for(30ms);
        weft::spawn({.name = "second hog"}, [] { keep_busy(100ms); }).join();
      },
      {.workers = 1, .hog_threshold = 10ms});
}
TEST_CASE("alone: nobody watches" * doctest::skip()) {
  weft::run([] { weft::spawn({.name = "hog"}, [] { keep_busy(50ms); }).join(); }, {.workers = 1, .hog_threshold = 0ns});
}
TEST_CASE("alone: busy but fair" * doctest::skip()) {
  weft::run(
      [] {
        const auto end = std::chrono::steady_clock::now() + 500ms;
        while (std::chrono::steady_clock::now() < end) weft::this_fiber::yield();
        auto other = weft::spawn([end] {
          while (std::chrono::steady_clock::now() < end + 500ms) weft::this_fiber::yield();
        });
        while (std::chrono::steady_clock::now() < end + 500ms) weft::this_fiber::yield();
        other.join();
        weft::this_fiber::sleep_for(1s);
      },
      {.workers = 2, .hog_threshold = 400ms});
}

TEST_CASE("alone: many want one processor" * doctest::skip()) {
  cpu_set_t mine, one;
  REQUIRE(sched_getaffinity(0, sizeof mine, &mine) == 0);
  CPU_ZERO(&one);
  for (int cpu = 0; CPU_COUNT(&one) == 0; ++cpu)
    if (CPU_ISSET(cpu, &mine)) CPU_SET(cpu, &one);
  REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
  weft::run(
      [&] {
        std::atomic<bool> stop{false};
        std::vector<std::jthread> others;
        for (int i = 0; i < 8; ++i)
          others.emplace_back([&stop] {
            while (!stop) {
            }
          });
        weft::this_fiber::yield();
        const auto delay = [me = gettid()] { return weft::detail::run_delay(me); };
        for (const auto begin = delay(); delay() - begin < 400ms;) {  // it has run for an eighth of that
        }
        stop = true;
      },
      {.workers = 1, .hog_threshold = 200ms});
}

TEST_CASE("a fiber that holds its worker is named once, with where it was created") {
  const auto end = run_alone("alone: a fiber holds its worker");
  CHECK(end.status == 0);
  CHECK(end.how_often(" \"hog\", created at ") == 1);
  CHECK(end.how_often("\"second hog\"") == 1);
  CHECK(end.said_this("monitor_test.cpp:"));
  CHECK(end.said_this("worker 0 is held for "));
}

TEST_CASE("a threshold of zero turns the line off, and a busy runtime gets none") {
  CHECK(run_alone("alone: nobody watches").said.empty());
  CHECK(!run_alone("alone: busy but fair").said_this("is held"));
}

TEST_CASE("a worker that waits for a processor is held by nobody") {
  if (access("/proc/self/schedstat", R_OK) != 0) {
    MESSAGE("skipped: this kernel does not tell how long a thread waits for a processor");
    return;
  }
  const auto end = run_alone("alone: many want one processor");
  CHECK(end.status == 0);
  CHECK(!end.said_this("is held"));
}
