// SPDX-License-Identifier: BSL-1.0
// lock, event, semaphore and condition of tasks, against what asyncio documents.
#include <weft/stackless_io/lock.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/stackless_io/condition.hpp>

#include "stackless_io/turns.hpp"
#include "support/loops.hpp"
#include "support/refusal.hpp"

using namespace weft::stackless;
using weft::test::on_loops;
using weft::test::refused;
using weft::test::refuses;
using weft::test::some_turns;

TEST_CASE("a lock is held by one after the other, and any task may give it back") {
  on_loops([]() -> task<> {
    lock l;
    CHECK(refuses(refused, "not acquired", [&] { return l.release(), 0; }));
    co_await l.acquire();
    CHECK(l.locked());
    std::string log;
    const auto writes = [](lock& of, std::string& to, char c) -> task<> {
      const auto guard = co_await of.scoped();
      to += c;
      co_await yield();
      to += c;
    };
    auto& loop = get_running_loop();
    auto a = loop.create_task(writes(l, log, 'a')), b = loop.create_task(writes(l, log, 'b'));
    auto given_up = loop.create_task(writes(l, log, 'x'));
    co_await some_turns();
    CHECK(log.empty());
    given_up.cancel();
    loop.call_soon([&] { l.release(); });
    co_await a;
    co_await b;
    CHECK(log == "aabb");
    CHECK_FALSE(l.locked());
    while (!given_up.done()) co_await yield();
    CHECK(given_up.cancelled());
  });
}

TEST_CASE("an event lets all go, until it is cleared") {
  on_loops([]() -> task<> {
    weft::stackless::event e;
    auto& loop = get_running_loop();
    const auto waits = [](weft::stackless::event& on) -> task<> { co_await on.wait(); };
    auto a = loop.create_task(waits(e)), b = loop.create_task(waits(e));
    co_await some_turns();
    CHECK_FALSE(a.done());
    e.set();
    co_await gather(a, b, waits(e));
    CHECK(e.is_set());
    e.clear();
    auto c = loop.create_task(waits(e));
    co_await some_turns();
    CHECK_FALSE(c.done());
    e.set();
    co_await c;
  });
}

TEST_CASE("a semaphore counts; a bounded one is not given back too often") {
  on_loops([]() -> task<> {
    CHECK(refuses(std::errc::invalid_argument, "", [] { return weft::stackless::semaphore(-1), 0; }));
    weft::stackless::semaphore s(2);
    co_await s.acquire();
    CHECK_FALSE(s.locked());
    co_await s.acquire();
    CHECK(s.locked());
    auto waits = get_running_loop().create_task(s.acquire());
    co_await some_turns();
    CHECK_FALSE(waits.done());
    s.release();
    CHECK(s.locked());  // it is the other's already
    co_await waits;
    s.release();
    s.release();
    s.release();  // more than there were: an ordinary one may
    CHECK_FALSE(s.locked());
    weft::stackless::semaphore one;
    {
      const auto held = co_await one.scoped();
      CHECK(one.locked());
    }
    CHECK_FALSE(one.locked());
    bounded_semaphore b(1);
    CHECK(refuses(refused, "too many times", [&] { return b.release(), 0; }));
    {
      const auto held = co_await b.scoped();
      CHECK(b.locked());
    }
    CHECK_FALSE(b.locked());
    CHECK(refuses(refused, "too many times", [&] { return b.release(), 0; }));
  });
}

TEST_CASE("a condition: wait gives the lock back, notify lets so many go on, each with the lock") {
  on_loops([]() -> task<> {
    condition c;
    CHECK(refuses(refused, "without its lock", [&] { return c.notify(), 0; }));
    auto& loop = get_running_loop();
    int value = 0, woken = 0;
    const auto waits = [](condition& on, int& seen, int& count) -> task<> {
      const auto guard = co_await on.scoped();
      co_await on.wait_for([&seen] { return seen > 0; });
      CHECK(on.locked());
      ++count;
    };
    std::vector<task_future<>> all;
    for (int i = 0; i < 3; ++i) all.push_back(loop.create_task(waits(c, value, woken)));
    co_await some_turns();
    {
      const auto guard = co_await c.scoped();
      value = 1;
      c.notify(2);
    }
    co_await some_turns();
    co_await some_turns();
    CHECK(woken == 2);
    {
      const auto guard = co_await c.scoped();
      c.notify_all();
    }
    for (auto& each : all) co_await each;
    CHECK(woken == 3);
    co_await c.acquire();
    const auto finds = [] { return std::make_unique<int>(6); };
    CHECK(*co_await c.wait_for(finds) == 6);
    c.release();
    CHECK_FALSE(c.locked());
  });
}

TEST_CASE("two conditions share a lock: neither hears what is said to the other") {
  on_loops([]() -> task<> {
    lock shared;
    condition has_room(shared), has_value(shared);
    int value = 0;  // 0: none
    const auto puts = [](condition& room, condition& filled, int& slot) -> task<> {
      for (int i = 1; i <= 3; ++i) {
        const auto guard = co_await room.scoped();
        co_await room.wait_for([&slot] { return slot == 0; });
        slot = i;
        filled.notify();
      }
    };
    auto putter = get_running_loop().create_task(puts(has_room, has_value, value));
    for (int expected = 1; expected <= 3; ++expected) {
      const auto guard = co_await has_value.scoped();
      CHECK(has_room.locked());
      co_await has_value.wait_for([&value] { return value != 0; });
      CHECK(std::exchange(value, 0) == expected);
      has_room.notify();
    }
    co_await putter;
    CHECK_FALSE(shared.locked());
  });
}

TEST_CASE("one who is cancelled in a condition has the lock when it is told, and takes no notification away") {
  on_loops([]() -> task<> {
    condition c;
    auto& loop = get_running_loop();
    std::string log;
    const auto waits = [](condition& on, std::string& to, char name) -> task<> {
      const auto guard = co_await on.scoped();
      try {
        co_await on.wait();
        to += name;
      } catch (const weft::cancelled&) {
        CHECK(on.locked());
        to += "cancelled,";
        throw;
      }
    };
    auto first = loop.create_task(waits(c, log, 'a')), second = loop.create_task(waits(c, log, 'b'));
    co_await some_turns();
    co_await c.acquire();
    c.notify(1);
    first.cancel();  // it was notified, and does not go on
    c.release();
    co_await second;
    while (!first.done()) co_await yield();
    CHECK(first.cancelled());
    CHECK(log == "cancelled,b");
    CHECK_FALSE(c.locked());
  });
}
