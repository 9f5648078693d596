// SPDX-License-Identifier: BSL-1.0
// Futures, and the futures that drive tasks, against what asyncio documents.
#include <weft/stackless/future.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#include <weft/stackless.hpp>

#include "support/refusal.hpp"
#include "support/scale.hpp"

namespace {

using namespace std::chrono_literals;
using weft::stackless::any_future;
using weft::stackless::current_task;
using weft::stackless::error_context;
using weft::stackless::event_loop;
using weft::stackless::future;
using weft::stackless::get_running_loop;
using weft::stackless::invalid_state;
using weft::stackless::task;
using weft::stackless::task_future;
using weft::stackless::yield;
using weft::test::refuses;

constexpr auto refused = std::errc::operation_not_permitted;

// On a loop of one worker, and on the loop of one of several.
template <class Body> void on_loops(Body body) {
  event_loop().run_until_complete(body());
  weft::stackless::run(body(), {.workers = weft::test::workers()});
}

}  // namespace

TEST_CASE("a pending future has neither result nor exception; a settled one is not settled again") {
  on_loops([]() -> task<> {
    future<int> f;
    CHECK_FALSE(f.done());
    CHECK(refuses(refused, "not done", [&] { return f.result(); }));
    CHECK(refuses(refused, "not done", [&] { return (void)f.exception(), 0; }));
    f.set_result(3);
    CHECK(f.done());
    CHECK_FALSE(f.cancelled());
    CHECK(f.result() == 3);
    CHECK(f.exception() == nullptr);
    CHECK_THROWS_AS(f.set_result(4), invalid_state);
    CHECK_THROWS_AS(f.set_exception(std::runtime_error("late")), invalid_state);
    CHECK_FALSE(f.cancel());
    CHECK(co_await f == 3);
    CHECK(co_await f == 3);
    CHECK_THROWS_AS((void)any_future().done(), invalid_state);
  });
  CHECK(refuses(refused, "no running event loop", [] { return (void)future<int>(), 0; }));
}

TEST_CASE("an exception comes out of result and of co_await, each time") {
  on_loops([]() -> task<> {
    future<> f;
    CHECK(refuses(std::errc::invalid_argument, "null", [&] { return f.set_exception(std::exception_ptr()), 0; }));
    f.set_exception(std::runtime_error("it failed"));
    for (int i = 0; i < 2; ++i) {
      CHECK_THROWS_WITH_AS(f.result(), "it failed", std::runtime_error);
      bool thrown = false;
      try {
        co_await f;
      } catch (const std::runtime_error&) {
        thrown = true;
      }
      CHECK(thrown);
    }
    CHECK(f.exception() != nullptr);
  });
}

TEST_CASE("a cancelled future: operation_canceled, which is not the caller's own cancellation") {
  on_loops([]() -> task<> {
    future<int> f;
    CHECK(f.cancel());
    CHECK_FALSE(f.cancel());
    CHECK(f.cancelled());
    CHECK(f.done());
    CHECK(refuses(std::errc::operation_canceled, "cancelled", [&] { return f.result(); }));
    CHECK(refuses(std::errc::operation_canceled, "cancelled", [&] { return (void)f.exception(), 0; }));
    CHECK_THROWS_AS(f.set_result(1), invalid_state);
    bool told = false;
    try {
      (void)co_await f;
    } catch (const std::system_error& e) {
      told = e.code() == std::errc::operation_canceled;
    }
    CHECK(told);
  });
}

TEST_CASE("done callbacks are called by the loop, in their order, never from where the future is settled") {
  event_loop loop;
  std::string log;
  auto f = loop.create_future<int>();
  f.add_done_callback([&] { log += "a"; });
  const auto removed = f.add_done_callback([&] { log += "never"; });
  f.add_done_callback([&](any_future which) {
    CHECK(which == f);
    log += "b";
  });
  CHECK(f.remove_done_callback(removed));
  CHECK_FALSE(f.remove_done_callback(removed));
  loop.call_soon([&] {
    f.set_result(1);
    log += "settled,";
    f.add_done_callback([&] {
      log += "c";
      loop.stop();
    });
  });
  loop.run_forever();
  CHECK(log == "settled,abc");
  CHECK(&f.get_loop() == &loop);
}

TEST_CASE("a callback of a future that never comes is destroyed with it") {
  const auto kept = std::make_shared<int>(0);
  event_loop loop;
  {
    auto f = loop.create_future<int>();
    f.add_done_callback([kept](any_future) {});
    CHECK(kept.use_count() == 2);
  }
  CHECK(kept.use_count() == 1);
}

TEST_CASE("several tasks await one future, and all go on; other threads may settle it") {
  on_loops([]() -> task<> {
    future<std::string> f;
    std::atomic<int> seen = 0;
    std::vector<task_future<>> all;
    for (int i = 0; i < 10; ++i) {
      all.push_back(get_running_loop().create_task([](future<std::string> what, std::atomic<int>& count) -> task<> {
        const std::string& text = co_await what;
        if (text == "done") ++count;
      }(f, seen)));
    }
    co_await yield();
    std::thread other([f] { f.set_result("done"); });
    for (auto& one : all) co_await one;
    other.join();
    CHECK(seen == 10);
  });
}

TEST_CASE("results may be references or movable only; an rvalue gives them up") {
  on_loops([]() -> task<> {
    int place = 5;
    future<int&> reference;
    reference.set_result(place);
    CHECK(&co_await reference == &place);
    future<std::unique_ptr<int>> only;
    only.set_result(std::make_unique<int>(6));
    CHECK(**&co_await only == 6);
    const std::unique_ptr<int> taken = co_await std::move(only);
    CHECK(*taken == 6);
    future<std::string> shared;
    shared.set_result("text");
    const auto other = shared;
    const std::string copied = co_await std::move(shared);
    CHECK(copied == "text");
    CHECK(other.result() == "text");
  });
}

TEST_CASE("of several threads that settle one future, one wins") {
  event_loop loop;
  const std::size_t rounds = weft::test::scaled(200, 20);
  for (std::size_t i = 0; i < rounds; ++i) {
    auto f = loop.create_future<int>();
    std::atomic<int> won = 0;
    const auto settle = [&](int value) {
      try {
        value == 0 ? void(f.cancel() && ++won) : (f.set_result(value), void(++won));
      } catch (const invalid_state&) {
      }
    };
    std::thread first(settle, 1), second(settle, int(i % 2) * 2);
    first.join();
    second.join();
    CHECK(won == 1);
    CHECK(f.done());
  }
}

TEST_CASE("an exception that nobody retrieved is told when the future goes") {
  event_loop loop;
  std::vector<std::string> said;
  loop.set_exception_handler([&](event_loop&, const error_context& what) {
    CHECK(what.exception != nullptr);
    said.push_back(what.message);
  });
  loop.call_soon([&] {
    loop.create_future<>().set_exception(std::runtime_error("lost"));
    auto seen = loop.create_future<>();
    seen.set_exception(std::runtime_error("seen"));
    CHECK(seen.exception() != nullptr);
    (void)loop.create_task([]() -> task<> {
      throw std::runtime_error("lost, too");
      co_return;
    }());
    loop.call_soon([&] { loop.call_soon([&] { loop.stop(); }); });
  });
  loop.run_forever();
  CHECK(said == std::vector<std::string>(2, "the exception of a future was never retrieved"));
}

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
