// SPDX-License-Identifier: BSL-1.0
// Callbacks of every kind, those of futures, timers and descriptors among them, against what asyncio documents.
#include <weft/stackless/event_loop.hpp>

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
#include <weft/sched/context_var.hpp>
#include <weft/stackless.hpp>

#include "stackless/small_tasks.hpp"
#include "support/alone.hpp"
#include "support/loops.hpp"
#include "support/refusal.hpp"

using namespace std::chrono_literals;
using weft::stackless::error_context;
using weft::stackless::event_loop;
using weft::stackless::get_running_loop;
using weft::stackless::task;
using weft::test::few_turns;
using weft::test::refused;
using weft::test::refuses;

namespace {

struct both_ends {
  both_ends() { REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0); }
  ~both_ends() {
    for (const int end : ends) close(end);
  }
  void say() const { CHECK(write(ends[1], "x", 1) == 1); }
  void hear() const {
    char c = 0;
    CHECK(read(ends[0], &c, 1) == 1);
  }
  std::array<int, 2> ends{};
};

}  // namespace

TEST_CASE("what leaves a callback of any kind goes to the exception handler, and all others are called") {
  both_ends pair;
  event_loop loop;
  std::vector<std::string> said;
  loop.set_exception_handler([&](event_loop&, const error_context& what) {
    try {
      std::rethrow_exception(what.exception);
    } catch (const std::exception& e) {
      said.push_back(what.message + ": " + e.what());
    }
    CHECK(what.where.line() > 0);
  });
  std::string log;
  auto f = loop.create_future<int>();
  f.add_done_callback([] { throw std::runtime_error("done"); });
  f.add_done_callback([&] { log += "second,"; });
  loop.call_soon([f] { f.set_result(1); });
  loop.call_later(0s, [] { throw std::runtime_error("timer"); });
  int reads = 0, writes = 0;
  loop.add_writer(pair.ends[1], [&] {
    if (++writes == 1) throw std::runtime_error("writer");
    loop.remove_writer(pair.ends[1]);
    pair.say();
  });
  loop.add_reader(pair.ends[0], [&] {
    if (++reads == 1) throw std::runtime_error("reader");
    pair.hear();
    loop.remove_reader(pair.ends[0]);
    loop.stop();
  });
  loop.run_forever();
  std::sort(said.begin(), said.end());
  CHECK(said == std::vector<std::string>{"Exception in callback: done", "Exception in callback: reader",
                                         "Exception in callback: timer", "Exception in callback: writer"});
  CHECK(log == "second,");
}

TEST_CASE("a callback of any kind, and a task, sees the context variables of whoever asked for it") {
  static weft::context_var<int> v;
  both_ends pair;
  event_loop loop;
  auto f = loop.create_future<int>();
  int at_done = 0, at_time = 0, at_reader = 0, at_task = 0;
  loop.run_until_complete([&]() -> task<> {
    v.set(1);
    f.add_done_callback([&] { at_done = v.get(); });
    loop.call_later(0s, [&] { at_time = v.get(); });
    loop.add_reader(pair.ends[0], [&] {
      at_reader = v.get();
      pair.hear();
      loop.remove_reader(pair.ends[0]);
    });
    v.set(2);
    auto child = loop.create_task([](int& seen) -> task<> {
      seen = v.get();
      v.set(7);
      co_return;
    }(at_task));
    v.set(3);
    pair.say();
    co_await child;
    loop.call_soon([f] {
      v.set(8);
      f.set_result(1);
    });
    (void)co_await f;
    while (!at_done || !at_time || !at_reader) co_await weft::stackless::yield();
    CHECK(v.get() == 3);
  }());
  CHECK(at_done == 1);
  CHECK(at_time == 1);
  CHECK(at_reader == 1);
  CHECK(at_task == 2);
}

TEST_CASE("no task runs while a callback does") {
  event_loop loop;
  bool is_none = false;
  loop.run_until_complete([&]() -> task<> {
    loop.call_soon([&] { is_none = !weft::stackless::current_task(); });
    co_await few_turns();
  }());
  CHECK(is_none);
}

TEST_CASE("what is due at once comes behind what is ready") {
  event_loop loop;
  std::string log;
  loop.call_soon([&] {
    loop.call_later(0s, [&] { log += "later,"; });
    loop.call_soon([&] { log += "soon,"; });
    loop.call_later(1ms, [&] { loop.stop(); });
  });
  loop.run_forever();
  CHECK(log == "soon,later,");
}

TEST_CASE("a future that is cancelled calls its callbacks, too; what they add comes later") {
  event_loop loop;
  std::string log;
  loop.run_until_complete([&]() -> task<> {
    auto f = loop.create_future<int>();
    f.add_done_callback([&, f] {
      CHECK(f.cancelled());
      log += "first,";
      f.add_done_callback([&] { log += "added,"; });
      loop.call_soon([&] { log += "after that,"; });
    });
    f.add_done_callback([&] { log += "second,"; });
    f.cancel();
    log += "cancelled,";
    co_await few_turns();
  }());
  CHECK(log == "cancelled,first,second,added,after that,");
}

TEST_CASE("a loop that was stopped before it runs until something is complete says that it was stopped too soon") {
  event_loop loop;
  loop.stop();
  CHECK(refuses(refused, "stopped before", [&] { return loop.run_until_complete(few_turns()); }));
  CHECK(loop.run_until_complete(weft::test::answer()) == 42);
}

TEST_CASE("a call of run_in_executor that has begun goes on when its future is cancelled") {
  event_loop loop;
  std::promise<void> begun, may_end, ended;
  loop.run_until_complete([&]() -> task<> {
    auto call = loop.run_in_executor([&] {
      begun.set_value();
      may_end.get_future().wait();
      ended.set_value();
    });
    begun.get_future().wait();
    CHECK(call.cancel());
    CHECK(co_await weft::test::outcome_of(call) == "it was cancelled");
    may_end.set_value();
  }());
  ended.get_future().wait();
}

TEST_CASE("timers that were cancelled while nobody ran their loop go when it runs, not when they would be due") {
  event_loop loop;
  const auto kept = std::make_shared<int>();
  std::vector<weft::stackless::timer_handle> all;
  constexpr int many = 1'000;
  for (int i = 0; i < many; ++i) all.push_back(loop.call_later(1h, [kept] { ++*kept; }));
  loop.run_until_complete(few_turns());
  CHECK(kept.use_count() == 1 + many);
  for (int i = 0; i < many; i += 4) all[std::size_t(i)].cancel();
  loop.run_until_complete(few_turns());
  CHECK(kept.use_count() >= 1 + many - many / 4);  // few enough to leave them
  for (const auto& each : all) each.cancel();
  loop.run_until_complete(few_turns());
  CHECK(kept.use_count() == 1);
}

TEST_CASE("timers that another thread cancels while their loop runs go, too") {
  event_loop loop;
  const auto kept = std::make_shared<int>();
  std::vector<weft::stackless::timer_handle> all;
  for (int i = 0; i < 1'000; ++i) all.push_back(loop.call_later(1h, [kept] { ++*kept; }));
  loop.run_until_complete([&]() -> task<> {
    co_await few_turns();
    std::thread other([&] {
      for (const auto& each : all) each.cancel();
    });
    for (int i = 0; i < 1'000; ++i) co_await weft::stackless::yield();
    other.join();
    co_await few_turns();
    co_await weft::stackless::to_thread([] {});  // turns of the loop, not only of this task
  }());
  CHECK(kept.use_count() < 600);  // half of them, at most, are kept
}

TEST_CASE("[hidden] what event loops keep to themselves" * doctest::skip()) {
  event_loop loop;
  const auto runs = [&loop] {
    loop.call_soon([] {});
    loop.run_until_complete([]() -> task<> {
      co_await few_turns();
      get_running_loop().call_soon([] {});
      co_await few_turns();
    }());
  };
  loop.set_slow_callback_duration(0ns);
  (void)few_turns();  // never awaited
  runs();
  loop.set_debug(true);
  loop.set_slow_callback_duration(1h);
  runs();
  loop.set_debug(false);
  loop.set_slow_callback_duration(0ns);
  runs();
}

TEST_CASE("what is not slow is not reported, and without debug mode nothing is") {
  const auto end = weft::test::run_alone("[hidden] what event loops keep to themselves");
  CAPTURE(end.said);
  CHECK(end.status == 0);
  CHECK_FALSE(end.said_this("weft"));
}
