// SPDX-License-Identifier: BSL-1.0
// Tasks beside each other: create_task, join, sleep, what run makes of those that are left.
#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "stackless/small_tasks.hpp"
#include "support/alone.hpp"
#include "support/scale.hpp"

namespace {

using namespace std::chrono_literals;
using weft::stackless::create_task;
using weft::stackless::run;
using weft::stackless::sleep;
using weft::stackless::task;
using weft::stackless::task_handle;
using weft::stackless::yield;
using weft::test::code_of;
using weft::test::forever;
using weft::test::joins_as_cancelled;
using weft::test::parks_forever;
using weft::test::yields_until;
using clock = std::chrono::steady_clock;

task<int> number(int n) { co_return n; }
task<> throws(const char* what) {
  throw std::runtime_error(what);
  co_return;
}

}  // namespace

TEST_CASE("a created task runs beside its creator and gives its result to whoever joins it") {
  run([]() -> task<> {
    auto seven = create_task(number(7));
    CHECK(seven.joinable());
    CHECK(co_await seven == 7);
    CHECK_FALSE(seven.joinable());
    CHECK(seven.done());
    CHECK_FALSE(seven.cancelled());
    CHECK_FALSE(seven.cancel());
    CHECK(co_await create_task(number(8)) == 8);
    auto unended = create_task(forever());
    CHECK(unended.cancel());
    CHECK(co_await joins_as_cancelled(unended));
    CHECK(unended.done());
    CHECK(unended.cancelled());
  }());
}

TEST_CASE("many tasks are joined, whether they ended before or not") {
  const int count = int(weft::test::scaled(10'000));
  CHECK(run([](int n) -> task<long> {
          std::vector<task_handle<int>> all;
          for (int i = 0; i < n; ++i) all.push_back(create_task(number(i)));
          long sum = 0;
          for (auto& one : all) sum += co_await one;
          co_return sum;
        }(count)) == long(count) * (count - 1) / 2);
}

// g++ asks for both results when both waits are over.
TEST_CASE("two joins in one expression give both results, however their tasks end") {
  const std::size_t rounds = weft::test::scaled(2'000);
  run([](std::size_t count) -> task<> {
    const auto one_after = [](weft::event& go, std::size_t yields) -> task<int> {
      co_await go.async_wait();
      for (std::size_t i = 0; i < yields; ++i) co_await yield();
      co_return 1;
    };
    for (std::size_t i = 0; i < count; ++i) {
      weft::event go;
      auto first = create_task(one_after(go, i % 3)), second = create_task(one_after(go, i % 5));
      co_await yield();
      go.set();
      const int sum = co_await first + co_await second;
      CHECK(sum == 2);
    }
  }(rounds));
}

TEST_CASE("a task's exception comes out of the join") {
  run([]() -> task<> {
    auto child = create_task(throws("of the child"));
    std::string what;
    try {
      co_await child;
    } catch (const std::runtime_error& e) {
      what = e.what();
    }
    CHECK(what == "of the child");
    CHECK_FALSE(child.joinable());
  }());
}

TEST_CASE("misuse of handles is an error that says so") {
  CHECK_THROWS_AS(create_task(number(1)).detach(), std::system_error);
  run([]() -> task<> {
    task_handle<int> none;
    CHECK_THROWS_AS(none.cancel(), std::system_error);
    CHECK_THROWS_AS((void)none.done(), std::system_error);
    try {
      co_await none;
      CHECK(false);
    } catch (const std::system_error& e) {
      CHECK(code_of(e) == std::errc::invalid_argument);
    }
    CHECK_THROWS_AS(run(number(1)), std::system_error);
    CHECK_THROWS_AS((void)create_task(task<>()), std::system_error);
  }());
}

TEST_CASE("a task cannot join itself") {
  run([]() -> task<> {
    task_handle<> self;
    std::atomic<bool> tried = false, known = false;
    const auto body = [&]() -> task<> {
      co_await yields_until(known);
      try {
        co_await self;
      } catch (const std::system_error& e) {
        CHECK(code_of(e) == std::errc::resource_deadlock_would_occur);
      }
      tried = true;
    };
    self = create_task(body());
    known = true;
    co_await yields_until(tried);
  }());
}

TEST_CASE("a sleep is not early, and one into the past ends at once") {
  run([]() -> task<> {
    const auto before = clock::now();
    co_await sleep(2ms);
    CHECK(clock::now() - before >= 2ms);
    co_await sleep(-1s);
    co_await sleep(clock::now());
  }());
}

TEST_CASE("tasks that yield take turns") {
  run(
      []() -> task<> {
        std::string order;
        const auto writes = [&](char c) -> task<> {
          for (int i = 0; i < 3; ++i) {
            order += c;
            co_await yield();
          }
        };
        auto a = create_task(writes('a'));
        auto b = create_task(writes('b'));
        co_await a;
        co_await b;
        CHECK((order == "bababa" || order == "ababab"));
      }(),
      {.workers = 1});
}

TEST_CASE("tasks that call and yield in every rhythm all come to their end") {
  const auto dances = [](int calls) -> task<long> {
    long sum = 0;
    for (int i = 0; i < 300; ++i) {
      for (int k = 0; k < calls; ++k) sum += co_await number(1);
      co_await yield();
    }
    co_return sum;
  };
  run([](auto& dance) -> task<> {
    for (int calls = 0; calls < 40; ++calls) {
      auto a = create_task(dance(calls));
      auto b = create_task(dance(calls / 2));
      CHECK(co_await a == 300 * calls);
      CHECK(co_await b == 300 * (calls / 2));
    }
  }(dances));
}

TEST_CASE("run cancels what is left and waits for it") {
  bool saw = false;
  CHECK(run([](bool& unwound) -> task<int> {
          static std::atomic<bool> outlives;
          outlives = false;
          create_task(parks_forever(outlives, unwound)).detach();
          co_await yields_until(outlives);
          co_return 3;
        }(saw)) == 3);
  CHECK(saw);
}

TEST_CASE("an exception of a task that nobody joins ends run") {
  CHECK_THROWS_WITH_AS(run([]() -> task<> {
                         create_task(throws("nobody looks")).detach();
                         co_await forever();
                       }()),
                       "nobody looks", std::runtime_error);
  CHECK_THROWS_WITH_AS(weft::run([] {
                         create_task(throws("beside a fiber")).detach();
                         weft::this_fiber::sleep_until(weft::never);
                       }),
                       "beside a fiber", std::runtime_error);
}

TEST_CASE("a failed task whose handle a plain thread drops ends run, too") {
  CHECK_THROWS_WITH_AS(run([]() -> task<> {
                         auto failed = create_task(throws("dropped outside"));
                         while (!failed.done()) co_await yield();
                         std::thread([&failed] { failed = {}; }).join();
                         co_await forever();
                       }()),
                       "dropped outside", std::runtime_error);
}

TEST_CASE("alone: the handle of a failed task is dropped after its runtime" * doctest::skip()) {
  task_handle<> kept;
  run([](task_handle<>& out) -> task<> {
    out = create_task(throws("too late"));
    while (!out.done()) co_await yield();
  }(kept));
  run([](task_handle<>& out) -> task<> {
    out = {};
    co_return;
  }(kept));
}

TEST_CASE("a failed task whose handle is dropped after its runtime disturbs no other, and is told on stderr") {
  const auto end = weft::test::run_alone("alone: the handle of a failed task is dropped after its runtime");
  CHECK(end.status == 0);
  CHECK(end.said_this("handle_test.cpp:"));
  CHECK(end.said_this("was dropped after its runtime with an exception that nobody can observe: too late\n"));
}

TEST_CASE("handles may outlive the runtime") {
  task_handle<int> kept;
  run([](task_handle<int>& out) -> task<> {
    out = create_task(number(9));
    while (!out.done()) co_await yield();
  }(kept));
  CHECK(kept.done());
  kept.cancel();
}

TEST_CASE("tasks and fibers share a runtime and its counters") {
  weft::run([] {
    std::atomic<int> turns = 0;
    std::atomic<bool> stop = false;
    const auto counts = [&]() -> task<> {
      CHECK(&weft::this_runtime() != nullptr);
      CHECK_FALSE(weft::this_fiber::on_fiber());
      while (!stop) {
        ++turns;
        co_await yield();
      }
    };
    auto one = create_task(counts());
    auto two = create_task(counts());
    CHECK(weft::stats().live_tasks == 2);
    auto fiber = weft::spawn([&] {
      while (turns < 1000) weft::this_fiber::yield();
    });
    fiber.join();
    stop = true;
    while (!one.done() || !two.done()) weft::this_fiber::yield();
  });
}

TEST_CASE("a task spawns a fiber, and waits for it by yielding") {
  run([]() -> task<> {
    std::atomic<bool> ran = false;
    weft::go([&] {
      CHECK(weft::this_fiber::on_fiber());
      ran = true;
    });
    co_await yields_until(ran);
  }());
}

TEST_CASE("an exception of a fiber that nobody observes cancels the tasks, and comes out of run") {
  CHECK_THROWS_WITH_AS(run([]() -> task<> {
                         weft::go([] { throw std::runtime_error("seen by nobody"); });
                         co_await forever();
                       }()),
                       "seen by nobody", std::runtime_error);
}

TEST_CASE("a dump says what a task waits for and where it was created") {
  const std::string text = run([]() -> task<std::string> {
    std::atomic<bool> parked = false;
    bool saw = false;
    auto child = create_task(parks_forever(parked, saw));
    co_await yields_until(parked);
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    weft::dump(ends[1]);
    char room[4096];
    const auto size = ::read(ends[0], room, sizeof room);
    ::close(ends[0]);
    ::close(ends[1]);
    child.cancel();
    CHECK(co_await joins_as_cancelled(child));
    co_return std::string(room, std::size_t(size));
  }());
  CHECK(text.find(" waits for its sleep to end") != text.npos);
  CHECK(text.find("handle_test.cpp:") != text.npos);
}
