// SPDX-License-Identifier: BSL-1.0
// Queues of tasks, against what asyncio documents.
#include <weft/stackless_io/queue.hpp>

#include <doctest/doctest.h>
#include <malloc.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>
#include <weft/stackless.hpp>

#include "stackless_io/turns.hpp"
#include "support/loops.hpp"
#include "support/refusal.hpp"
#include "support/scale.hpp"

namespace {

using namespace weft::stackless;
using weft::test::on_loops;
using weft::test::refuses;
using weft::test::some_turns;

template <class Queue> std::string order_of() {
  Queue q;
  for (int i : {3, 1, 2}) q.put_nowait(i);
  std::string order;
  while (!q.empty()) order += std::to_string(q.get_nowait());
  return order;
}

}  // namespace

TEST_CASE("in which order items come out") {
  CHECK(order_of<queue<int>>() == "312");
  CHECK(order_of<lifo_queue<int>>() == "213");
  CHECK(order_of<priority_queue<int>>() == "123");
  queue<std::unique_ptr<int>> movable;
  movable.put_nowait(std::make_unique<int>(4));
  CHECK(*movable.get_nowait() == 4);
}

TEST_CASE("full and empty: typed errors at once, waits otherwise") {
  on_loops([]() -> task<> {
    queue<int> q(1);
    CHECK(q.maxsize() == 1);
    CHECK_THROWS_AS((void)q.get_nowait(), queue_empty);
    co_await q.put(1);
    CHECK(q.full());
    CHECK_THROWS_AS(q.put_nowait(2), queue_full);
    auto& loop = get_running_loop();
    auto puts = loop.create_task(q.put(2));
    co_await some_turns();
    CHECK_FALSE(puts.done());
    CHECK(co_await q.get() == 1);
    co_await puts;
    CHECK(q.qsize() == 1);
    CHECK(co_await q.get() == 2);
    auto gets = loop.create_task(q.get());
    co_await some_turns();
    q.put_nowait(3);
    CHECK(co_await gets == 3);
  });
}

TEST_CASE("one who is cancelled while it waits takes nothing; one who was told and is cancelled lets the next one go") {
  on_loops([]() -> task<> {
    queue<int> q;
    auto& loop = get_running_loop();
    auto first = loop.create_task(q.get()), second = loop.create_task(q.get());
    co_await some_turns();
    q.put_nowait(1);
    first.cancel();
    CHECK(co_await second == 1);
    while (!first.done()) co_await yield();
    CHECK(first.cancelled());
  });
}

TEST_CASE("join waits until all that was put has been dealt with") {
  on_loops([]() -> task<> {
    queue<int> q;
    CHECK(refuses(std::errc::invalid_argument, "too many times", [&] { return q.task_done(), 0; }));
    co_await q.join();
    for (int i = 0; i < 5; ++i) q.put_nowait(i);
    auto& loop = get_running_loop();
    auto joins = loop.create_task(q.join());
    auto works = loop.create_task([](queue<int>& from) -> task<> {
      for (;;) {
        (void)co_await from.get();
        co_await yield();
        from.task_done();
      }
    }(q));
    co_await yield();
    CHECK_FALSE(joins.done());
    co_await joins;
    CHECK(q.empty());
    works.cancel();
    while (!works.done()) co_await yield();
  });
}

TEST_CASE("a join that is given up leaves nothing behind") {
  on_loops([]() -> task<> {
    queue<int> q;
    q.put_nowait(1);
    const auto gives_up = [&q]() -> task<> {
      auto joins = get_running_loop().create_task(q.join());
      co_await yield();
      joins.cancel();
      while (!joins.done()) co_await yield();
    };
    constexpr std::size_t rounds = 1'000;
    for (std::size_t i = 0; i < rounds; ++i) co_await gives_up();
    const std::size_t before = mallinfo2().uordblks;
    for (std::size_t i = 0; i < rounds; ++i) co_await gives_up();
    CHECK(mallinfo2().uordblks < before + rounds * sizeof(void*));
  });
}

TEST_CASE("a queue that is shut down takes nothing, gives what it has, and wakes who waits") {
  on_loops([]() -> task<> {
    queue<int> q(1);
    q.put_nowait(1);
    auto& loop = get_running_loop();
    auto puts = loop.create_task(q.put(2));
    co_await some_turns();
    q.shutdown();
    CHECK_THROWS_AS(q.put_nowait(3), queue_shut_down);
    bool told = false;
    try {
      co_await puts;
    } catch (const queue_shut_down&) {
      told = true;
    }
    CHECK(told);
    CHECK(co_await q.get() == 1);
    CHECK_THROWS_AS((void)q.get_nowait(), queue_shut_down);
    queue<int> at_once;
    at_once.put_nowait(1);
    auto joins = loop.create_task(at_once.join());
    co_await some_turns();
    at_once.shutdown(true);
    co_await joins;
    CHECK(at_once.empty());
  });
}

TEST_CASE("those who wait for an item hear of the end of their queue") {
  on_loops([]() -> task<> {
    for (const bool immediately : {false, true}) {
      queue<int> q;
      auto& loop = get_running_loop();
      auto first = loop.create_task(q.get()), second = loop.create_task(q.get());
      co_await some_turns();
      q.shutdown(immediately);
      for (auto& each : {first, second}) {
        (void)co_await wait(std::vector<future<int>>(1, each));
        CHECK_THROWS_AS(each.result(), queue_shut_down);
      }
      CHECK_THROWS_AS((void)q.get_nowait(), queue_shut_down);
    }
  });
}

TEST_CASE("what a queue drops at its end may have been dealt with before") {
  on_loops([]() -> task<> {
    queue<int> q;
    q.put_nowait(1);
    q.put_nowait(2);
    q.task_done();
    q.shutdown(true);
    co_await q.join();
    CHECK(refuses(std::errc::invalid_argument, "too many times", [&] { return q.task_done(), 0; }));
  });
}

TEST_CASE("producers and consumers on several workers lose nothing") {
  weft::stackless::run(
      []() -> task<> {
        queue<int> q(4);
        const int each = int(weft::test::scaled(500, 50));
        const auto produces = [](queue<int>& to, int count) -> task<> {
          for (int i = 1; i <= count; ++i) co_await to.put(i);
        };
        const auto consumes = [](queue<int>& from, int count) -> task<long> {
          long sum = 0;
          for (int i = 0; i < count; ++i) sum += co_await from.get();
          co_return sum;
        };
        std::vector<task_handle<>> producers;
        std::vector<task_handle<long>> consumers;
        for (int i = 0; i < 4; ++i) {
          producers.push_back(create_task(produces(q, each)));
          consumers.push_back(create_task(consumes(q, each)));
        }
        for (auto& p : producers) co_await p;
        long sum = 0;
        for (auto& c : consumers) sum += co_await c;
        CHECK(sum == 4L * each * (each + 1) / 2);
      }(),
      {.workers = weft::test::workers()});
}
