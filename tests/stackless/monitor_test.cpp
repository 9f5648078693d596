// SPDX-License-Identifier: BSL-1.0
// The line about a task that holds its worker.
#include <doctest/doctest.h>

#include <chrono>
#include <thread>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/alone.hpp"

namespace {

using namespace std::chrono_literals;
using weft::stackless::create_task;
using weft::stackless::task;
using weft::test::run_alone;

task<> holds_the_worker(std::chrono::nanoseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) std::this_thread::yield();
  co_return;
}

}  // namespace

// The monitor reads of a block that the next task gets: a race for ThreadSanitizer, if it did not lock.
TEST_CASE("alone: one task after the other holds its worker" * doctest::skip()) {
  weft::stackless::run(
      []() -> task<> {
        for (int i = 0; i < 10; ++i) co_await create_task(holds_the_worker(50ms));
      }(),
      {.workers = 1, .hog_threshold = 10ms});
}

TEST_CASE("a task that holds its worker is named, with where it was created") {
  const auto end = run_alone("alone: one task after the other holds its worker");
  CHECK(end.status == 0);
  CHECK(end.said_this("worker 0 is held for "));
  CHECK(end.said_this("by task "));
  CHECK(end.said_this("monitor_test.cpp:"));
}
