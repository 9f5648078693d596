// SPDX-License-Identifier: BSL-1.0
// Event loops against what asyncio documents: callbacks, timers, running and stopping, threads, readers.
#include <weft/stackless/event_loop.hpp>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
#include <weft/sched/context_var.hpp>
#include <weft/stackless.hpp>

#include "stackless/small_tasks.hpp"
#include "support/loops.hpp"
#include "support/refusal.hpp"

using namespace std::chrono_literals;
using weft::stackless::event_loop;
using weft::stackless::get_running_loop;
using weft::stackless::loop_error;
using weft::stackless::task;
using weft::stackless::yield;
using weft::test::answer;
using weft::test::refused;
using weft::test::refuses;

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

TEST_CASE("a callback that cancels itself keeps its closure until it returns") {
  const auto held = std::make_shared<int>();
  int called = 0;
  event_loop loop;
  weft::stackless::callback_handle soon;
  weft::stackless::timer_handle later;
  soon = loop.call_soon([&, held] {
    soon.cancel();
    called += held.use_count() == 3;
  });
  later = loop.call_later(1ms, [&, held] {
    later.cancel();
    called += held.use_count() == 2;
    loop.stop();
  });
  loop.run_forever();
  CHECK(called == 2);
  CHECK(held.use_count() == 1);
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

TEST_CASE("a call of run_in_executor that is cancelled before it has begun is not made") {
  const auto body = []() -> task<> {
    auto& loop = get_running_loop();
    std::promise<void> go_on;
    bool is_called = false;
    auto first = loop.run_in_executor([&] { go_on.get_future().wait(); });
    auto second = loop.run_in_executor([&] { is_called = true; });
    auto third = loop.run_in_executor([] {});
    second.cancel();
    go_on.set_value();
    co_await first;
    co_await third;
    CHECK_FALSE(is_called);
  };
  weft::stackless::run(body(), {.workers = 1, .blocking_threads = 1});
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
