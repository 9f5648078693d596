// SPDX-License-Identifier: BSL-1.0
// Tasks that are started eagerly, and what a handle says of its task.
#include <doctest/doctest.h>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/refusal.hpp"
#include "support/scale.hpp"

namespace {

using weft::stackless::create_task;
using weft::stackless::current_task;
using weft::stackless::run;
using weft::stackless::start_eagerly;
using weft::stackless::task;
using weft::stackless::task_handle;
using weft::stackless::yield;

task<int> notes(std::vector<std::string>& said, int waits, int result) {
  said.push_back("begins");
  for (int i = 0; i < waits; ++i) co_await yield();
  said.push_back("ends");
  co_return result;
}
task<> fails_at_once() {
  throw std::runtime_error("at once");
  co_return;
}
task<> turns(int count) {
  for (int i = 0; i < count; ++i) co_await yield();
}
task<> sleeps_on() { co_await weft::stackless::sleep(weft::never); }
task<> deep(int levels) {
  if (levels > 0)
    co_await deep(levels - 1);
  else
    co_await weft::stackless::sleep(weft::never);
}

}  // namespace

TEST_CASE("an eager task runs to its first wait before its creator goes on, a created one afterwards") {
  run(
      []() -> task<> {
        std::vector<std::string> said;
        auto eager = co_await start_eagerly(notes(said, 1, 7));
        said.push_back("creator");
        CHECK(co_await eager == 7);
        CHECK(said == std::vector<std::string>{"begins", "creator", "ends"});
        said.clear();
        auto whole = co_await start_eagerly(notes(said, 0, 8));
        said.push_back("creator");
        CHECK(whole.done());
        CHECK(co_await whole == 8);
        CHECK(said == std::vector<std::string>{"begins", "ends", "creator"});
        said.clear();
        auto queued = create_task(notes(said, 0, 9));
        said.push_back("creator");
        CHECK(co_await queued == 9);
        CHECK(said == std::vector<std::string>{"creator", "begins", "ends"});
      }(),
      {.workers = 1});
}

TEST_CASE("eager tasks by the thousand, nested, that fail, or that are let go") {
  run(
      []() -> task<> {
        const int count = int(weft::test::scaled(10'000));
        std::vector<std::string> said;
        long sum = 0;
        for (int i = 0; i < count; ++i) {
          auto each = co_await start_eagerly(notes(said, i % 3, i));
          said.clear();
          sum += co_await each;
        }
        CHECK(sum == long(count) * (count - 1) / 2);
        auto nested = co_await start_eagerly([](std::vector<std::string>& into) -> task<int> {
          auto inner = co_await start_eagerly(notes(into, 2, 3));
          co_return 1 + co_await inner;
        }(said));
        CHECK(co_await nested == 4);
        auto failed = co_await start_eagerly(fails_at_once());
        CHECK(failed.done());
        CHECK_THROWS_WITH_AS(co_await failed, "at once", std::runtime_error);
        CHECK(weft::test::refuses(std::errc::invalid_argument, "the task is empty",
                                  [] { return start_eagerly(task<>()).await_ready(); }));
        auto cancelled = co_await start_eagerly(sleeps_on());
        cancelled.cancel();
        while (!cancelled.done()) co_await yield();
        CHECK(cancelled.cancelled());
        (void)co_await start_eagerly(turns(5));
      }(),
      {.workers = weft::test::workers()});
}

TEST_CASE("a task that was made and never started leaves nothing to the next one in its place") {
  static weft::context_var<int> value(0);
  run(
      []() -> task<> {
        co_await create_task([]() -> task<> {
          const weft::context_var<int>::scoped inside(value, 42);
          auto made = start_eagerly(sleeps_on());
          CHECK_FALSE(made.await_ready());
          co_return;
        }());
        std::vector<task_handle<int>> all;
        for (int i = 0; i < 4; ++i) all.push_back(create_task([]() -> task<int> { co_return value.get(); }()));
        for (auto& each : all) CHECK(co_await each == 0);
      }(),
      {.workers = 1});
}

TEST_CASE("a handle tells its task's name, stack and cancellations") {
  run(
      []() -> task<> {
        auto named = create_task(deep(2), "the deep one");
        CHECK(named.name() == "the deep one");
        CHECK(named.ref().id() != current_task().id());
        for (int i = 0; i < 3; ++i) co_await yield();
        CHECK(named.get_stack().size() == 3);
        CHECK(named.get_stack(1).size() == 1);
        std::FILE* const to = std::tmpfile();
        REQUIRE(to);
        named.print_stack(to);
        std::rewind(to);
        char text[2000] = {};
        (void)std::fread(text, 1, sizeof text - 1, to);
        std::fclose(to);
        CHECK(std::string(text).find("Stack for the deep one") == 0);
        named.set_name("renamed");
        CHECK(named.name() == "renamed");
        CHECK(named.cancelling() == 0);
        named.cancel();
        CHECK(named.cancelling() == 1);
        CHECK(named.uncancel() == 0);
        while (!named.done()) co_await yield();
        CHECK(named.cancelled());
        CHECK(named.name().empty());
        const task_handle<> none;
        CHECK_FALSE(none.ref());
        CHECK(none.name().empty());
        CHECK(none.get_stack().empty());
        CHECK(weft::test::refuses(std::errc::invalid_argument, "no task", [&] { return none.cancelled(); }));
      }(),
      {.workers = 1});
}
