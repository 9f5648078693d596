// SPDX-License-Identifier: BSL-1.0
// The monitor: one line when a fiber holds its worker.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <weft/weft.hpp>

#include "support/alone.hpp"

using namespace std::chrono_literals;
using weft::test::run_alone;

namespace {

void hold_the_worker(std::chrono::nanoseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) std::this_thread::yield();
}

}  // namespace

TEST_CASE("alone: a fiber holds its worker" * doctest::skip()) {
  weft::run(
      [] {
        // Asleep first, so that the monitor dozes and has to be woken.
        weft::this_fiber::sleep_for(30ms);
        weft::spawn({.name = "hog"}, [] { hold_the_worker(200ms); }).join();
        weft::this_fiber::sleep_for(30ms);
        weft::spawn({.name = "second hog"}, [] { hold_the_worker(100ms); }).join();
      },
      {.workers = 1, .hog_threshold = 10ms});
}
TEST_CASE("alone: nobody watches" * doctest::skip()) {
  weft::run([] { weft::spawn({.name = "hog"}, [] { hold_the_worker(50ms); }).join(); },
            {.workers = 1, .hog_threshold = 0ns});
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

TEST_CASE("the end of a runtime does not wait for the next look of its monitor") {
  for (int i = 0; i < 20; ++i) weft::run([] {}, {.hog_threshold = std::chrono::hours(1)});  // a hang is the failure
}
