// SPDX-License-Identifier: BSL-1.0
// Event loops: mistakes, what nobody takes, and which loop a thread has, against what asyncio documents.
#include <weft/stackless/event_loop.hpp>

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <future>
#include <source_location>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#include <weft/fiber/run.hpp>
#include <weft/stackless.hpp>

#include "stackless/small_tasks.hpp"
#include "support/alone.hpp"
#include "support/loops.hpp"
#include "support/refusal.hpp"
#include "support/scale.hpp"

using namespace std::chrono_literals;
using weft::stackless::error_context;
using weft::stackless::event_loop;
using weft::stackless::get_event_loop;
using weft::stackless::get_running_loop;
using weft::stackless::new_event_loop;
using weft::stackless::set_event_loop;
using weft::stackless::task;
using weft::stackless::yield;
using weft::test::answer;
using weft::test::refused;
using weft::test::refuses;

TEST_CASE("a loop that runs cannot be run again, nor another one on it, nor can it be closed") {
  event_loop loop, other;
  loop.call_soon([&] {
    CHECK(refuses(refused, "already running", [&] { return loop.run_forever(), 0; }));
    CHECK(refuses(refused, "another one runs", [&] { return other.run_forever(), 0; }));
    auto unused = answer();
    CHECK(refuses(refused, "already running", [&] { return loop.run_until_complete(std::move(unused)); }));
    CHECK(refuses(refused, "cannot be closed", [&] { return loop.close(), 0; }));
    CHECK(refuses(refused, "on a fiber or task", [&] { return weft::stackless::run(answer()); }));
    std::thread([&] {
      CHECK(refuses(refused, "already running", [&] { return loop.run_forever(), 0; }));
      CHECK(refuses(refused, "on another thread", [&] { return loop.stop(), 0; }));
    }).join();
    loop.stop();
  });
  loop.run_forever();
}

TEST_CASE("a loop does not run until another loop's future is done") {
  event_loop loop, other;
  auto foreign = other.create_future<int>();
  foreign.set_result(1);
  CHECK(refuses(std::errc::invalid_argument, "another event loop", [&] { return loop.run_until_complete(foreign); }));
}

TEST_CASE("a loop may be closed where another one runs, with the tasks that are left on it") {
  bool is_unwound = false;
  const auto leave_and_close = [&is_unwound] {
    event_loop idle;
    idle.set_exception_handler([](event_loop&, const auto&) {});
    (void)idle.create_task([](bool& unwound) -> task<> {
      const struct ends {
        bool& it;
        ~ends() { it = true; }
      } end{unwound};
      co_await weft::stackless::sleep(weft::never);
    }(is_unwound));
    idle.call_soon([&idle] { idle.call_soon([&idle] { idle.stop(); }); });
    std::thread([&idle] { idle.run_forever(); }).join();
  };
  weft::run(leave_and_close);
  CHECK(std::exchange(is_unwound, false));
  weft::stackless::run([](auto close) -> task<> {
    close();
    co_return;
  }(leave_and_close));
  CHECK(is_unwound);
}

TEST_CASE("a closed loop takes nothing more, and says so") {
  event_loop loop;
  bool called = false;
  auto soon = loop.call_soon([&] { called = true; });
  auto later = loop.call_later(0s, [&] { called = true; });
  auto pending = loop.create_future<int>();
  pending.add_done_callback([&] { called = true; });
  loop.close();
  loop.close();
  CHECK(loop.is_closed());
  CHECK(refuses(refused, "closed", [&] { return loop.call_soon([] {}), 0; }));
  CHECK(refuses(refused, "closed", [&] { return loop.call_soon_threadsafe([] {}), 0; }));
  CHECK(refuses(refused, "closed", [&] { return loop.call_later(1s, [] {}), 0; }));
  CHECK(refuses(refused, "closed", [&] { return loop.run_forever(), 0; }));
  CHECK(refuses(refused, "closed", [&] { return loop.run_until_complete(answer()); }));
  CHECK(refuses(refused, "closed", [&] { return loop.create_task(answer()), 0; }));
  CHECK(refuses(refused, "closed", [&] { return loop.run_in_executor([] {}), 0; }));
  CHECK(refuses(refused, "closed", [&] { return loop.add_reader(-1, [] {}), 0; }));  // before it looks at the number
  pending.set_result(1);                                                             // its callbacks are gone
  CHECK_FALSE(called);
}

TEST_CASE("a loop cannot be closed in a call of its own executor, which it would wait for") {
  event_loop loop;
  std::promise<void> stopped;
  std::promise<bool> was_refused;
  auto call = loop.run_in_executor([&] {
    stopped.get_future().wait();
    was_refused.set_value(refuses(refused, "executor", [&] { return loop.close(), 0; }));
  });
  loop.call_soon([&loop] { loop.stop(); });
  loop.run_forever();
  stopped.set_value();
  CHECK(was_refused.get_future().get());
  CHECK_FALSE(loop.is_closed());
  loop.run_until_complete(call);
}

TEST_CASE("closing a loop reports the tasks that have not ended, and unwinds them") {
  event_loop loop;
  std::vector<std::string> said;
  loop.set_exception_handler([&](event_loop&, const error_context& what) { said.push_back(what.message); });
  bool unwound = false;
  const auto waits = [&]() -> task<> {
    const struct at_end {
      bool& flag;
      ~at_end() { flag = true; }
    } guard{unwound};
    co_await weft::stackless::sleep(weft::never);
  };
  auto pending = loop.create_task(waits());
  loop.call_later(0s, [&] { loop.stop(); });
  loop.run_forever();
  CHECK_FALSE(unwound);
  loop.close();
  CHECK(unwound);
  CHECK(pending.cancelled());
  CHECK(said == std::vector<std::string>{"Task was destroyed but it is pending"});
}

TEST_CASE("closing a loop unwinds tasks that wait for others on their way out") {
  event_loop loop;
  loop.set_exception_handler([](event_loop&, const error_context&) {});
  int unwound = 0;
  const auto waits = [&]() -> task<> {
    const struct at_end {
      int& count;
      ~at_end() { ++count; }
    } guard{unwound};
    co_await weft::stackless::sleep(weft::never);
  };
  const auto waits_after_all = [&]() -> task<> {
    try {
      co_await waits();
    } catch (const weft::cancelled&) {
    }
    const weft::stackless::future<> nobody_sets;
    CHECK_THROWS_AS(co_await weft::stackless::wait_for(nobody_sets, 1ms), weft::timed_out);
  };
  const auto gathers = [&]() -> task<> { (void)co_await weft::stackless::gather(waits(), waits()); };
  std::vector<weft::stackless::task_future<>> all;
  all.push_back(loop.create_task(weft::stackless::with_task_group([&](weft::stackless::task_group& group) -> task<> {
    (void)group.create_task(waits());
    co_return;
  })));
  all.push_back(loop.create_task(gathers()));
  all.push_back(loop.create_task(weft::stackless::wait_for(waits(), 1h)));
  auto last = loop.create_task(waits_after_all());
  loop.call_later(0s, [&] { loop.stop(); });
  loop.run_forever();
  loop.close();
  CHECK(unwound == 5);
  for (const auto& each : all) CHECK(each.cancelled());
  CHECK(last.done());
}

TEST_CASE("what leaves a callback goes to the exception handler, and the loop runs on") {
  event_loop loop;
  std::string said;
  loop.set_exception_handler([&](event_loop& which, const error_context& what) {
    CHECK(&which == &loop);
    try {
      std::rethrow_exception(what.exception);
    } catch (const std::exception& e) {
      said += what.message + ": " + e.what();
    }
    CHECK(what.where.line() > 0);
  });
  loop.call_soon([] { throw std::runtime_error("oops"); });
  loop.call_soon([&] { loop.stop(); });
  loop.run_forever();
  CHECK(said == "Exception in callback: oops");
}

TEST_CASE("the exception handler is told by whoever calls it, and debug mode says whether it is on, and what is slow") {
  event_loop loop;
  std::string said;
  loop.set_exception_handler([&](event_loop&, const error_context& what) { said += what.message; });
  loop.call_exception_handler({"first", nullptr, {}});
  loop.set_exception_handler({});
  CHECK(said == "first");
  CHECK_FALSE(loop.get_debug());
  CHECK(loop.slow_callback_duration() == 100ms);
  loop.set_debug(true);
  loop.set_slow_callback_duration(1h);
  CHECK(loop.get_debug());
  CHECK(loop.slow_callback_duration() == 1h);
}

namespace {

task<> yields_twice() {
  co_await yield();
  co_await yield();
}

}  // namespace

TEST_CASE("[hidden] what event loops write" * doctest::skip()) {
  event_loop loop;
  loop.call_exception_handler({"told to nobody else", nullptr, {}});
  event_loop::default_exception_handler(
      {"told as usual", std::make_exception_ptr(std::runtime_error("an error")), std::source_location::current()});
  loop.call_soon([] { throw std::runtime_error("oops"); });
  loop.set_debug(true);
  loop.slow_callback_duration(0ns);
  loop.call_soon([] {});
  loop.run_until_complete([]() -> task<> {
    (void)answer();  // never awaited
    co_await yield();
  }());
  loop.run_until_complete(loop.create_task(answer(), "a slow one"));
  loop.run_until_complete([]() -> task<> { co_await create_task(answer(), "a child"); }());
  for (const bool alone : {true, false}) {
    loop.run_until_complete([](bool is_alone) -> task<> {
      auto one = create_task(yields_twice(), is_alone ? "alone" : "by turns");
      if (!is_alone) co_await create_task(yields_twice(), "by turns");
      co_await one;
    }(alone));
  }
  loop.set_slow_callback_duration(1h);
  loop.set_exception_handler([](event_loop&, const error_context&) { throw std::runtime_error("the handler"); });
  loop.call_soon([] { throw std::runtime_error("again"); });
  loop.call_soon([&] {
    std::thread([&] {
      CHECK(refuses(refused, "call_soon_threadsafe", [&] { return loop.call_soon([] {}), 0; }));
    }).join();
    loop.stop();
  });
  loop.run_forever();
}

TEST_CASE("without a handler it is a line on stderr; debug mode names slow callbacks and tasks never awaited") {
  const auto end = weft::test::run_alone("[hidden] what event loops write");
  CAPTURE(end.said);
  CHECK(end.status == 0);
  CHECK(end.said_this("weft::stackless: told to nobody else\n"));
  CHECK(end.said_this("weft::stackless: told as usual: an error, created at "));
  CHECK(end.said_this("Exception in callback: oops, created at"));
  CHECK(end.said_this("executing the callback created at"));
  CHECK(end.said_this("executing the task \"Task-"));
  CHECK(end.said_this("executing the task \"a slow one\" created at"));
  CHECK(end.said_this("executing the task \"a child\" created at"));
  CHECK(end.how_often("executing the task \"alone\"") == 3);
  CHECK(end.how_often("executing the task \"by turns\"") == 6);
  CHECK(end.said_this("event_loop_misuse_test.cpp"));
  CHECK(end.said_this("was never awaited"));
  CHECK(end.said_this("Unhandled error in exception handler: the handler"));
  CHECK(end.said_this("Exception in callback: again"));
  CHECK(end.how_often(" seconds") >= 3);
}

TEST_CASE("a task that is started from elsewhere at the moment in which its loop is closed ends, or is refused") {
  const int rounds = int(weft::test::scaled(300, 30));
  int started = 0;
  for (int i = 0; i < rounds; ++i) {
    event_loop loop;
    loop.set_exception_handler([](event_loop&, const error_context&) {});  // of those that are pending
    std::atomic<bool> goes{false};
    std::vector<weft::stackless::task_future<int>> begun;
    std::thread other([&] {
      try {
        for (;;) {
          begun.push_back(loop.create_task(answer()));
          goes = true;
        }
      } catch (const weft::stackless::loop_error&) {
      }
      goes = true;
    });
    while (!goes) std::this_thread::yield();
    loop.close();
    other.join();
    CHECK(std::ranges::all_of(begun, [](const auto& each) { return each.done(); }));
    started += int(begun.size());
  }
  CHECK(started >= rounds);
}

TEST_CASE("which loop a thread has: asyncio's rules") {
  CHECK(refuses(refused, "no running event loop", [] { return (void)get_running_loop(), 0; }));
  std::thread([] {
    CHECK(refuses(refused, "no current event loop in this thread", [] { return (void)get_event_loop(), 0; }));
    const auto mine = new_event_loop();
    set_event_loop(mine.get());
    CHECK(&get_event_loop() == mine.get());
    mine->call_soon([&] {
      CHECK(&get_event_loop() == mine.get());
      mine->stop();
    });
    mine->run_forever();
    set_event_loop(nullptr);
    CHECK(refuses(refused, "no current event loop", [] { return (void)get_event_loop(), 0; }));
  }).join();
  weft::stackless::run([]() -> task<> {
    event_loop& loop = get_running_loop();
    CHECK(&get_event_loop() == &loop);
    CHECK(loop.is_running());
    CHECK(refuses(refused, "already running", [&] { return loop.run_forever(), 0; }));
    CHECK(refuses(refused, "does not run", [&] { return loop.stop(), 0; }));
    CHECK(refuses(refused, "cannot be closed", [&] { return loop.close(), 0; }));
    auto done = loop.create_future<int>();
    loop.call_later(1ms, [done] { done.set_result(1); });
    CHECK(co_await done == 1);
  }());
}

TEST_CASE("[hidden] the main thread gets a loop by itself" * doctest::skip()) {
  event_loop& loop = get_event_loop();
  CHECK(&get_event_loop() == &loop);
  CHECK(loop.run_until_complete(answer()) == 42);
  loop.close();
}

TEST_CASE("the main thread gets a loop by itself, which goes with the program") {
  CHECK(weft::test::run_alone("[hidden] the main thread gets a loop by itself").status == 0);
}
