// SPDX-License-Identifier: BSL-1.0
// Blocking calls of tasks.
#include <weft/sync/async_blocking.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "fiber/blocking_gate.hpp"
#include "support/scale.hpp"

using weft::async_blocking;
using weft::async_blocking_abandonable;
using weft::stackless::create_task;
using weft::stackless::task;
using weft::stackless::task_handle;
using weft::test::gate;
using weft::test::noted;
using weft::test::scaled;
using weft::test::workers;

namespace {

// Until the gate is entered, while other tasks run.
task<> entered(const gate& one) {
  while (!one.entered) co_await weft::stackless::yield();
}

template <class T> task<bool> was_cancelled(task_handle<T>& handle) {
  try {
    (void)co_await handle;
  } catch (const std::system_error& e) {
    co_return e.code() == std::errc::operation_canceled;
  }
  co_return false;
}

}  // namespace

TEST_CASE("a task's blocking call hands back what it returns or throws, from another thread") {
  weft::stackless::run([]() -> task<> {
    const auto here = std::this_thread::get_id();
    CHECK(co_await async_blocking([] { return std::this_thread::get_id(); }) != here);
    CHECK(std::this_thread::get_id() == here);
    auto owner = [p = std::make_unique<int>(3)]() mutable { return std::move(p); };
    CHECK(*co_await async_blocking(std::move(owner)) == 3);
    int x = 0;
    co_await async_blocking([&x] { x = 4; });
    CHECK(&co_await async_blocking_abandonable([&x]() -> int& { return x; }) == &x);
    CHECK(x == 4);
    bool thrown = false;
    try {
      co_await async_blocking([] { throw std::runtime_error("from there"); });
    } catch (const std::runtime_error&) {
      thrown = true;
    }
    CHECK(thrown);
    weft::context_var<int> v(1);
    v.set(2);
    CHECK(co_await async_blocking([&v] { return v.get(); }) == 2);
  }());
}

TEST_CASE("a task's call that is queued when it is cancelled did not happen") {
  weft::stackless::run(
      []() -> task<> {
        gate first;
        std::atomic<bool> ran{false};
        auto busy = create_task([](gate& g) -> task<> { co_await async_blocking([&g] { g.pass(); }); }(first));
        co_await entered(first);
        for (const bool abandonable : {false, true}) {
          std::atomic<bool> about{false};
          auto queued = create_task([](std::atomic<bool>& begun, std::atomic<bool>& flag, bool may) -> task<> {
            begun = true;
            if (may)
              co_await async_blocking_abandonable([&flag] { flag = true; });
            else
              co_await async_blocking([&flag] { flag = true; });
          }(about, ran, abandonable));
          while (!about) co_await weft::stackless::yield();
          queued.cancel();
          CHECK(co_await was_cancelled(queued));
        }
        first.let_go();
        co_await busy;
        CHECK(co_await async_blocking([] { return 1; }) == 1);
        CHECK(!ran);
      }(),
      {.workers = workers(), .blocking_threads = 1});
}

TEST_CASE("a task's call that has begun is waited for, and the cancellation is for its next wait") {
  weft::stackless::run(
      []() -> task<> {
        gate inside;
        auto t = create_task([](gate& g) -> task<std::string> {
          std::string local = "the task's";
          const std::string result = co_await async_blocking([&g, &local] {
            g.pass();
            return local + " frame";
          });
          try {
            co_await weft::stackless::yield();
          } catch (const weft::cancelled&) {
            co_return result;
          }
          co_return "not cancelled";
        }(inside));
        co_await entered(inside);
        t.cancel();
        for (int i = 0; i < 20; ++i) co_await weft::stackless::yield();
        CHECK(!t.done());
        inside.let_go();
        CHECK(co_await t == "the task's frame");
      }(),
      {.workers = workers()});
}

TEST_CASE("a task leaves a call that may be abandoned at once; it and its result end on the pool's thread") {
  std::atomic<std::thread::id> closure_ended, result_ended, ran_on;
  gate inside;
  weft::stackless::run(
      [](auto& g, auto& closure, auto& result, auto& where) -> task<> {
        auto t = create_task([](gate& g2, auto& closure2, auto& result2, auto& where2) -> task<> {
          auto call = [&g2, &result2, &where2, n = noted(closure2)] {
            where2 = std::this_thread::get_id();
            g2.pass();
            return noted(result2);
          };
          (void)co_await async_blocking_abandonable(std::move(call));
        }(g, closure, result, where));
        co_await entered(g);
        t.cancel();
        CHECK(co_await was_cancelled(t));
        CHECK(closure.load() == std::thread::id());
        g.let_go();
      }(inside, closure_ended, result_ended, ran_on),
      {.workers = workers()});
  CHECK(ran_on.load() != std::thread::id());
  CHECK(closure_ended.load() == ran_on.load());
  CHECK(result_ended.load() == ran_on.load());
}

TEST_CASE("a task that is cancelled before does not call") {
  weft::stackless::run(
      []() -> task<> {
        std::atomic<bool> ran{false};
        bool go_on = false;
        auto t = create_task([](std::atomic<bool>& flag, bool& on) -> task<> {
          while (!on) co_await weft::stackless::yield();
          co_await async_blocking([&flag] { flag = true; });
        }(ran, go_on));
        co_await weft::stackless::yield();
        go_on = true;
        t.cancel();  // it is ready, behind its yield
        CHECK(co_await was_cancelled(t));
        CHECK(!ran);
      }(),
      {.workers = 1});
}

TEST_CASE("stress: tasks' calls that ran and those that were withdrawn make up those that were made") {
  static std::atomic<std::size_t> ran, returned, cancelled;
  ran = returned = cancelled = 0;
  const std::size_t count = scaled(3000);
  std::size_t joined_cancelled = 0;
  weft::stackless::run(
      [](std::size_t how_many, std::size_t& never) -> task<> {
        std::vector<task_handle<>> tasks;
        for (std::size_t i = 0; i < how_many; ++i) {
          tasks.push_back(create_task([]() -> task<> {
            try {
              co_await async_blocking([] { ++ran; });
              ++returned;
            } catch (const weft::cancelled&) {
              ++cancelled;
              throw;
            }
          }()));
          if (i % 2) tasks[i / 2].cancel();
          if (i % 5 == 0) tasks.back().cancel();
          if (i % 7 == 0) co_await weft::stackless::yield();
        }
        for (auto& t : tasks) never += co_await was_cancelled(t);
      }(count, joined_cancelled),
      {.workers = workers(), .blocking_threads = 3});
  CHECK(ran == returned);
  CHECK(returned + joined_cancelled == count);
  CHECK(cancelled <= joined_cancelled);
}
