// SPDX-License-Identifier: BSL-1.0
// join_until(): a task waits for another one, but not for long.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>
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
using weft::stackless::task_handle;
using weft::stackless::yield;
using weft::test::forever;

task<int> number_after(int n, std::chrono::nanoseconds pause) {
  co_await sleep(pause);
  co_return n;
}
task<int> number_when(weft::event& gate, int n) {
  co_await gate.async_wait();
  co_return n;
}
task<> throws_its_own() {
  co_await yield();
  throw std::runtime_error("its own");
}

task<bool> is_refused(task_handle<>& handle, std::errc code) {
  try {
    (void)co_await handle.join_until(1s);
  } catch (const std::system_error& e) {
    co_return e.code() == code;
  }
  co_return false;
}

task<> waits(task_handle<>& whom, std::atomic<bool>& waiting, bool& was_cancelled) {
  try {
    waiting = true;
    (void)co_await whom.join_until(1h);
  } catch (const weft::cancelled&) {
    was_cancelled = true;
  }
}

}  // namespace

TEST_CASE("join_until says whether the task has ended, and leaves the result to the join") {
  run([]() -> task<> {
    weft::event gate;
    auto slow = create_task(number_when(gate, 7));
    CHECK_FALSE(co_await slow.join_until(1us));
    CHECK_FALSE(co_await slow.join_until(-1s));
    CHECK_FALSE(slow.done());
    gate.set();
    CHECK(co_await slow.join_until(weft::never));
    CHECK(slow.done());
    CHECK(co_await slow.join_until(-1s));
    CHECK(slow.joinable());
    CHECK(co_await slow == 7);
    auto failed = create_task(throws_its_own());
    CHECK(co_await failed.join_until(1h));
    CHECK_THROWS_WITH_AS(co_await failed, "its own", std::runtime_error);
  }());
}

TEST_CASE("misuse of join_until is an error that says so") {
  run(
      []() -> task<> {
        task_handle<> none;
        CHECK(co_await is_refused(none, std::errc::invalid_argument));
        task_handle<> self;
        std::atomic<bool> is_known{false};
        bool itself_refused = false;
        self = create_task([](task_handle<>& me, std::atomic<bool>& known, bool& out) -> task<> {
          while (!known) co_await yield();
          out = co_await is_refused(me, std::errc::resource_deadlock_would_occur);
        }(self, is_known, itself_refused));
        is_known = true;
        while (!self.done()) co_await yield();
        CHECK(itself_refused);
        auto whom = create_task(forever());
        std::atomic<bool> waiting{false};
        bool was_cancelled = false;
        auto first = create_task(waits(whom, waiting, was_cancelled));
        while (!waiting) co_await yield();  // on this very worker: it waits by now
        CHECK(co_await is_refused(whom, std::errc::invalid_argument));
        first.cancel();
        co_await first;
        CHECK(was_cancelled);
        whom.cancel();
        CHECK(co_await whom.join_until(weft::never));
      }(),
      {.workers = 1});
}

TEST_CASE("join_until is cancelled before it waits, and while it does") {
  run([]() -> task<> {
    auto whom = create_task(forever());
    for (const bool parked : {false, true}) {
      std::atomic<bool> waiting{false}, go{parked};
      bool was_cancelled = false;
      auto joiner = create_task([](task_handle<>& awaited, std::atomic<bool>& begun, const std::atomic<bool>& may_go_on,
                                   bool& saw) -> task<> {
        begun = true;
        while (!may_go_on) std::this_thread::yield();  // cannot be cancelled here
        co_await waits(awaited, begun, saw);
      }(whom, waiting, go, was_cancelled));
      if (parked) {
        CHECK_FALSE(co_await joiner.join_until(1ms));
        joiner.cancel();
      } else {
        std::thread([&] {
          while (!waiting) std::this_thread::yield();
          joiner.cancel();
          go = true;
        }).detach();
      }
      co_await joiner;
      CHECK(was_cancelled);
      CHECK_FALSE(whom.done());
    }
    whom.cancel();
  }());
}

TEST_CASE("a join_until that races with end and deadline says what is true") {
  run([]() -> task<> {
    for (std::size_t i = 0; i < weft::test::scaled(3000, 100); ++i) {
      auto whom = create_task(number_after(int(i), std::chrono::microseconds(i % 7)));
      const bool ended = co_await whom.join_until(std::chrono::microseconds(i % 5));
      if (ended) CHECK(whom.done());
      CHECK(co_await whom == int(i));
    }
  }());
}
