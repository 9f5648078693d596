// SPDX-License-Identifier: BSL-1.0
// Cancelling tasks: before they start, while they wait, in races.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "stackless/small_tasks.hpp"
#include "support/scale.hpp"

namespace {

using namespace std::chrono_literals;
using weft::stackless::create_task;
using weft::stackless::run;
using weft::stackless::sleep;
using weft::stackless::task;
using weft::stackless::yield;
using weft::test::code_of;
using weft::test::joins_as_cancelled;
using weft::test::parks_forever;
using weft::test::yields_until;

task<> sets(std::atomic<bool>& flag) {
  flag = true;
  co_return;
}

}  // namespace

TEST_CASE("a task that is cancelled before it starts never runs") {
  std::atomic<bool> ran = false;
  run(
      [](std::atomic<bool>& flag) -> task<> {
        auto child = create_task(sets(flag));  // one worker: it starts when we wait
        child.cancel();
        CHECK(co_await joins_as_cancelled(child));
      }(ran),
      {.workers = 1});
  CHECK_FALSE(ran);
}

TEST_CASE("a task that is cancelled while it waits unwinds, and its joiner is told") {
  run([]() -> task<> {
    std::atomic<bool> parked = false;
    bool saw = false;
    auto child = create_task(parks_forever(parked, saw));
    co_await yields_until(parked);
    child.cancel();
    CHECK(co_await joins_as_cancelled(child));
    CHECK(saw);
  }());
}

TEST_CASE("a cancellation is delivered once: what catches it can go on") {
  run([]() -> task<> {
    std::atomic<bool> parked = false;
    const auto stubborn = [&]() -> task<int> {
      bool caught = false;
      try {
        parked = true;
        co_await sleep(weft::never);
      } catch (const weft::cancelled&) {
        caught = true;
      }
      co_await yield();
      co_await sleep(1us);
      co_return caught ? 5 : 0;
    };
    auto child = create_task(stubborn());
    co_await yields_until(parked);
    child.cancel();
    CHECK(co_await child == 5);
  }());
}

TEST_CASE("a task that is cancelled while it yields is struck there; one that was before lets others run first") {
  weft::stackless::event_loop loop;
  loop.run_until_complete([]() -> task<> {
    auto& on = weft::stackless::get_running_loop();
    std::string log;
    const auto yields = [&log](bool cancels_itself) -> task<> {
      if (cancels_itself) weft::stackless::current_task().cancel();
      try {
        co_await yield();
        log += "went on,";
      } catch (const weft::cancelled&) {
        log += "struck,";
      }
    };
    auto cancelled_by_us = on.create_task(yields(false));
    co_await yield();
    cancelled_by_us.cancel();
    co_await cancelled_by_us;
    auto cancelled_by_itself = on.create_task(yields(true));
    on.call_soon([&log] { log += "other,"; });
    co_await cancelled_by_itself;
    CHECK(log == "struck,other,struck,");
  }());
}

TEST_CASE("a cancelled joiner leaves the handle joinable") {
  run([]() -> task<> {
    std::atomic<bool> go = false, joining = false;
    auto child = create_task(yields_until(go));
    const auto joins = [&]() -> task<> {
      joining = true;
      co_await child;
    };
    auto joiner = create_task(joins());
    co_await yields_until(joining);
    joiner.cancel();
    CHECK(co_await joins_as_cancelled(joiner));
    CHECK(child.joinable());
    go = true;
    co_await child;
    CHECK_FALSE(child.joinable());
  }());
}

TEST_CASE("a cancellation that races with the wake-up loses neither") {
  run([]() -> task<> {
    for (std::size_t i = 0; i < weft::test::scaled(3'000); ++i) {
      std::atomic<int> slept = 0;
      const auto sleeper = [&]() -> task<> {
        co_await sleep(std::chrono::microseconds(5));
        slept = 1;
      };
      auto child = create_task(sleeper());
      for (std::size_t k = 0; k < i % 50; ++k) co_await yield();
      child.cancel();
      bool cancelled = false;
      try {
        co_await child;
      } catch (const std::system_error&) {
        cancelled = true;
      }
      CHECK(cancelled == !slept);
    }
  }());
}

TEST_CASE("a task is cancelled from a plain thread") {
  for (std::size_t i = 0; i < weft::test::scaled(200); ++i) {
    run([]() -> task<> {
      std::atomic<bool> parked = false;
      bool saw = false;
      auto child = create_task(parks_forever(parked, saw));
      std::thread outside([&] { child.cancel(); });
      bool cancelled = false;
      try {
        co_await child;
      } catch (const std::system_error& e) {
        cancelled = code_of(e) == std::errc::operation_canceled;
      }
      outside.join();
      CHECK(cancelled);
      CHECK(saw == parked);
    }());
  }
}
