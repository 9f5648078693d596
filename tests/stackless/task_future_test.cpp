// SPDX-License-Identifier: BSL-1.0
// The futures that drive tasks, against what asyncio documents.
#include <weft/stackless/future.hpp>

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <weft/stackless.hpp>

#include "support/loops.hpp"
#include "support/refusal.hpp"

using namespace std::chrono_literals;
using weft::stackless::current_task;
using weft::stackless::event_loop;
using weft::stackless::future;
using weft::stackless::get_running_loop;
using weft::stackless::invalid_state;
using weft::stackless::task;
using weft::stackless::task_future;
using weft::stackless::yield;
using weft::test::on_loops;
using weft::test::refused;
using weft::test::refuses;

TEST_CASE("cancelling a task that awaits a future cancels that, and the task may go on") {
  on_loops([]() -> task<> {
    future<int> f;
    auto waits = get_running_loop().create_task([](future<int> what) -> task<std::string> {
      try {
        (void)co_await what;
      } catch (const weft::cancelled&) {
        co_return "caught";
      }
      co_return "not cancelled";
    }(f));
    co_await yield();
    CHECK(waits.cancel());
    CHECK(co_await waits == "caught");
    CHECK(f.cancelled());
    CHECK_FALSE(waits.cancelled());
    CHECK_FALSE(waits.cancel());
  });
}

TEST_CASE("a cancellation goes down to the innermost task, and what that makes of it comes back up") {
  on_loops([]() -> task<> {
    std::string log;
    const auto inner = [](std::string& to, bool swallows) -> task<int> {
      try {
        co_await weft::stackless::sleep(weft::never);
      } catch (const weft::cancelled&) {
        to += "inner,";
      }
      co_await yield();
      if (!swallows) throw weft::cancelled();
      co_return 5;
    };
    const auto outer = [&](bool swallows) -> task<int> {
      auto child = get_running_loop().create_task(inner(log, swallows));
      try {
        co_return co_await child;
      } catch (const weft::cancelled&) {
        log += "outer,";
        throw;
      }
    };
    auto one = get_running_loop().create_task(outer(false));
    for (int i = 0; i < 3; ++i) co_await yield();
    one.cancel();
    bool told = false;
    try {
      (void)co_await one;
    } catch (const std::system_error& e) {
      told = e.code() == std::errc::operation_canceled;
    }
    CHECK(told);
    CHECK(one.cancelled());
    CHECK(log == "inner,outer,");
    auto two = get_running_loop().create_task(outer(true));
    for (int i = 0; i < 3; ++i) co_await yield();
    two.cancel();
    CHECK(co_await two == 5);
  });
}

TEST_CASE("a task that is cancelled before it starts never runs") {
  on_loops([]() -> task<> {
    bool ran = false;
    auto t = get_running_loop().create_task([](bool& flag) -> task<> {
      flag = true;
      co_return;
    }(ran));
    t.cancel();
    while (!t.done()) co_await yield();
    CHECK(t.cancelled());
    CHECK_FALSE(ran);
  });
}

TEST_CASE("a task's future cannot be settled by others, and a task that awaits itself is told") {
  on_loops([]() -> task<> {
    std::optional<task_future<int>> own;
    auto waits = get_running_loop().create_task([](std::optional<task_future<int>>& itself) -> task<int> {
      co_await yield();
      bool told = false;
      try {
        (void)co_await *itself;
      } catch (const std::system_error& e) {
        told = e.code() == std::errc::resource_deadlock_would_occur;
      }
      co_return told ? 1 : 2;
    }(own));
    own = waits;
    CHECK_THROWS_AS(waits.set_result(1), invalid_state);
    CHECK_THROWS_AS(waits.set_exception(std::runtime_error("")), invalid_state);
    CHECK(co_await waits == 1);
  });
}

TEST_CASE("tasks have names, count their cancellations, and are listed while they live") {
  on_loops([]() -> task<> {
    auto& loop = get_running_loop();
    const auto me = current_task();
    CHECK(bool(me));
    CHECK(me.name().starts_with("Task-"));
    auto named = loop.create_task([]() -> task<> { co_await weft::stackless::sleep(weft::never); }(), "sleeper");
    CHECK(named.name() == "sleeper");
    named.set_name("renamed");
    CHECK(named.ref().name() == "renamed");
    co_await yield();
    auto all = weft::stackless::all_tasks();
    CHECK(all.size() == 2);
    CHECK(std::find(all.begin(), all.end(), me) != all.end());
    CHECK(std::find(all.begin(), all.end(), named.ref()) != all.end());
    CHECK(named.cancelling() == 0);
    CHECK(me.cancelling() == 0);
    CHECK(named.ref().cancel());
    CHECK(named.cancelling() == 1);
    CHECK(named.uncancel() == 0);
    CHECK(named.uncancel() == 0);
    while (!named.done()) co_await yield();
    CHECK(named.cancelled());
    CHECK(named.name().empty());
    CHECK(weft::stackless::all_tasks().size() == 1);
    CHECK_FALSE(named.ref().cancel());
  });
  CHECK_FALSE(bool(current_task()));
  CHECK(refuses(refused, "no running event loop", [] { return weft::stackless::all_tasks().size(); }));
}

namespace {

task<> innermost(future<> gate) { co_await gate; }
task<> middle(future<> gate) { co_await innermost(gate); }
task<> outermost(future<> gate) { co_await middle(gate); }

}  // namespace

TEST_CASE("get_stack is the chain of awaits by place, print_stack its text") {
  on_loops([]() -> task<> {
    future<> gate;
    auto t = get_running_loop().create_task(outermost(gate), "deep");
    co_await yield();
    const auto stack = t.get_stack();
    REQUIRE(stack.size() == 3);
    const char* const names[] = {"outermost", "middle", "innermost"};
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(std::string(stack[i].function_name()).find(names[i]) != std::string::npos);
      CHECK(std::string(stack[i].file_name()).find("future_test.cpp") != std::string::npos);
    }
    CHECK(stack[0].line() == stack[1].line() + 1);
    CHECK(t.get_stack(1).size() == 1);
    CHECK(t.get_stack(1)[0].line() == stack[2].line());
    char text[2000] = "";
    std::FILE* const to = fmemopen(text, sizeof text, "w");
    t.print_stack(to);
    std::fclose(to);
    CHECK(std::string(text).starts_with("Stack for deep (most recent call last):\n  File \""));
    CHECK(current_task().get_stack().size() == 1);
    gate.set_result();
    co_await t;
    CHECK(t.get_stack().empty());
  });
}
