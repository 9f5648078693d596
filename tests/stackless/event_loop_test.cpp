// SPDX-License-Identifier: BSL-1.0
// Event loops against what asyncio documents: callbacks, timers, running and stopping, threads, mistakes.
#include <weft/stackless/event_loop.hpp>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
#include <weft/sched/context_var.hpp>
#include <weft/stackless.hpp>

#include "support/alone.hpp"
#include "support/refusal.hpp"

namespace {

using namespace std::chrono_literals;
using weft::stackless::error_context;
using weft::stackless::event_loop;
using weft::stackless::get_event_loop;
using weft::stackless::get_running_loop;
using weft::stackless::loop_error;
using weft::stackless::new_event_loop;
using weft::stackless::set_event_loop;
using weft::stackless::task;
using weft::stackless::yield;
using weft::test::refuses;

constexpr auto refused = std::errc::operation_not_permitted;

task<int> answer() {
  co_await yield();
  co_return 42;
}

}  // namespace

TEST_CASE("callbacks are called in their order, once the loop runs, on one thread that is not the caller's") {
  event_loop loop;
  std::string log;
  std::thread::id where;
  loop.call_soon([&] {
    log += "1";
    where = std::this_thread::get_id();
    CHECK(&get_running_loop() == &loop);
    CHECK(loop.is_running());
  });
  loop.call_soon([&] {
    log += "2";
    CHECK(std::this_thread::get_id() == where);
    loop.stop();
  });
  CHECK(log.empty());
  CHECK_FALSE(loop.is_running());
  loop.run_forever();
  CHECK(log == "12");
  CHECK(where != std::this_thread::get_id());
  CHECK_FALSE(loop.is_running());
}

TEST_CASE("stop ends the batch: what its callbacks schedule runs the next time") {
  event_loop loop;
  std::string log;
  loop.call_soon([&] {
    log += "a";
    loop.call_soon([&] {
      log += "c";
      loop.stop();
    });
    loop.stop();
  });
  loop.call_soon([&] { log += "b"; });
  loop.run_forever();
  CHECK(log == "ab");
  loop.run_forever();
  CHECK(log == "abc");
}

TEST_CASE("stop before run_forever: what is ready runs, and it returns") {
  event_loop loop;
  std::string log;
  loop.call_soon([&] {
    log += "a";
    loop.call_soon([&] { log += "b"; });
  });
  loop.stop();
  loop.run_forever();
  CHECK(log == "a");
  loop.stop();
  loop.run_forever();
  CHECK(log == "ab");
}

TEST_CASE("a callback that is cancelled is not called, and its closure goes with it") {
  event_loop loop;
  const auto kept = std::make_shared<int>(0);
  auto soon = loop.call_soon([kept] { ++*kept; });
  auto later = loop.call_later(0s, [kept] { ++*kept; });
  loop.call_soon([&] {
    auto third = loop.call_soon([kept] { ++*kept; });
    auto fourth = loop.call_later(1h, [kept] { ++*kept; });
    CHECK(kept.use_count() == 3);
    third.cancel();
    fourth.cancel();
    CHECK(kept.use_count() == 1);
    CHECK(fourth.cancelled());
    loop.call_later(1ms, [&] { loop.stop(); });
  });
  soon.cancel();
  later.cancel();
  CHECK(soon.cancelled());
  loop.run_forever();
  CHECK(*kept == 0);
  CHECK(kept.use_count() == 1);
}

TEST_CASE("timers are called in the order of their times, never early, those of one time in the order of the calls") {
  event_loop loop;
  std::string log;
  const auto now = loop.time();
  const auto last = loop.call_at(now + 2ms, [&] {
    CHECK(loop.time() >= now + 2ms);
    log += "d";
    loop.stop();
  });
  loop.call_at(now + 1ms, [&] { log += "b"; });
  loop.call_at(now + 1ms, [&] { log += "c"; });
  loop.call_later(0s, [&] { log += "a"; });
  CHECK(last.when() == now + 2ms);
  loop.run_forever();
  CHECK(log == "abcd");
}

TEST_CASE("other threads wake a loop that waits") {
  event_loop loop;
  int called = 0;
  std::thread other;
  loop.call_soon([&] {
    other = std::thread([&] {
      for (int i = 0; i < 100; ++i) loop.call_soon_threadsafe([&] { ++called; });
      loop.call_soon_threadsafe([&] { loop.stop(); });
    });
  });
  loop.run_forever();
  other.join();
  CHECK(called == 100);
}

TEST_CASE("run_until_complete returns what the task returns, throws what it throws, and can be had again") {
  event_loop loop;
  CHECK(loop.run_until_complete(answer()) == 42);
  const auto fails = []() -> task<> {
    co_await yield();
    throw std::runtime_error("failed");
  };
  CHECK_THROWS_WITH_AS(loop.run_until_complete(fails()), "failed", std::runtime_error);
  const auto movable = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
  CHECK(*loop.run_until_complete(movable()) == 7);
  auto later = loop.create_future<int>();
  loop.call_later(1ms, [later] { later.set_result(5); });
  CHECK(loop.run_until_complete(later) == 5);
  CHECK(loop.run_until_complete(later) == 5);  // done already
}

TEST_CASE("run_until_complete of what is not done when the loop is stopped: loop_error") {
  event_loop loop;
  auto never_done = loop.create_future<int>();
  loop.call_soon([&] { loop.stop(); });
  CHECK(refuses(refused, "stopped before", [&] { return loop.run_until_complete(never_done); }));
  CHECK(refuses(std::errc::invalid_argument, "empty", [&] { return loop.run_until_complete(task<int>()); }));
}

TEST_CASE("callbacks and tasks run in the order in which they were scheduled, made outside or inside") {
  event_loop loop;
  std::string log;
  const auto writes = [&log](char c) -> task<> {
    log += c;
    co_await yield();
    log += char(c - 'a' + 'A');
  };
  loop.call_soon([&] { log += "1"; });
  auto a = loop.create_task(writes('a'));
  loop.call_soon([&] { log += "2"; });
  auto b = loop.create_task(writes('b'));
  loop.call_soon([&] {
    auto c = loop.create_task(writes('c'));
    c.add_done_callback([&] { loop.stop(); });
  });
  loop.run_forever();
  CHECK(log == "1a2bABcC");
  CHECK(a.done());
}

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
  CHECK(refuses(refused, "closed", [&] { return loop.add_reader(0, [] {}), 0; }));
  pending.set_result(1);  // its callbacks are gone
  CHECK_FALSE(called);
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

TEST_CASE("[hidden] what event loops write" * doctest::skip()) {
  event_loop loop;
  loop.call_soon([] { throw std::runtime_error("oops"); });
  loop.set_debug(true);
  loop.set_slow_callback_duration(0ns);
  loop.call_soon([] {});
  loop.run_until_complete([]() -> task<> {
    (void)answer();  // never awaited
    co_await yield();
  }());
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
  CHECK(end.said_this("Exception in callback: oops, created at"));
  CHECK(end.said_this("executing the callback created at"));
  CHECK(end.said_this("executing the task created at"));
  CHECK(end.said_this("event_loop_test.cpp"));
  CHECK(end.said_this("was never awaited"));
  CHECK(end.said_this("Unhandled error in exception handler: the handler"));
  CHECK(end.said_this("Exception in callback: again"));
  CHECK(end.how_often(" seconds") >= 3);
}

TEST_CASE("callbacks see the context variables of whoever scheduled them, a copy") {
  static weft::context_var<int> v;
  event_loop loop;
  std::vector<int> seen;
  {
    const weft::context_var<int>::scoped here(v, 1);
    loop.call_soon([&] {
      seen.push_back(v.get());
      v.set(2);
      loop.call_soon([&] { seen.push_back(v.get()); });
    });
    loop.call_soon([&] { seen.push_back(v.get()); });
  }
  loop.call_later(1ms, [&] { loop.stop(); });
  loop.run_forever();
  CHECK(seen == std::vector{1, 1, 2});
}

TEST_CASE("run_in_executor calls on another thread, and its result or exception is the future's") {
  event_loop loop;
  const auto body = [&]() -> task<int> {
    const auto here = std::this_thread::get_id();
    CHECK(co_await get_running_loop().run_in_executor([&] { return std::this_thread::get_id() != here; }));
    auto fails = get_running_loop().run_in_executor([] { throw std::runtime_error("there"); });
    try {
      co_await fails;
    } catch (const std::runtime_error&) {
      co_return 1;
    }
    co_return 0;
  };
  CHECK(loop.run_until_complete(body()) == 1);
}

TEST_CASE("a reader is called for as long as there is something to read, and not when it was removed") {
  event_loop loop;
  std::array<int, 2> ends{};
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
  std::string got;
  int writes = 0;
  loop.add_reader(ends[0], [&] {
    char c = 0;
    REQUIRE(read(ends[0], &c, 1) == 1);
    got += c;
    if (got == "abc") {
      CHECK(loop.remove_reader(ends[0]));
      CHECK_FALSE(loop.remove_reader(ends[0]));
      loop.stop();
    }
  });
  loop.add_writer(ends[1], [&] {
    ++writes;
    if (writes == 3) {
      CHECK(write(ends[1], "abcd", 4) == 4);
      loop.remove_writer(ends[1]);
    }
  });
  loop.run_forever();
  CHECK(writes == 3);
  CHECK(got == "abc");
  int replaced = 0;
  loop.add_reader(ends[0], [&] { ++replaced; });
  loop.add_reader(ends[0], [&] { loop.stop(); });
  loop.run_forever();
  CHECK(replaced == 0);
  CHECK(refuses(std::errc::bad_file_descriptor, "add_reader", [&] { return loop.add_reader(-1, [] {}), 0; }));
  const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  CHECK(refuses(refused, "regular file", [&] { return loop.add_reader(file, [] {}), 0; }));
  close(file);
  loop.close();
  for (const int end : ends) close(end);
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
