// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/alone.hpp"
#include "support/scale.hpp"
#include "support/simulated.hpp"
#include "sync/company.hpp"

using namespace std::chrono_literals;
using weft::test::await_waiters;
using weft::test::company;
using weft::test::simulate;
using weft::test::waiters_of;

TEST_CASE("an event lets pass who comes while it is set, and only then") {
  simulate([] {
    weft::event door;
    CHECK(!door.is_set());
    CHECK(!door.wait_until(-1s));
    CHECK(!door.wait_for(1s));
    door.set();
    door.set();
    CHECK(door.is_set());
    door.wait();
    CHECK(door.wait_until(-1s));
    door.reset();
    CHECK(!door.is_set());
    CHECK(!door.wait_for(0s));
    CHECK(weft::event(true).is_set());
  });
}

TEST_CASE("setting an event wakes all that wait, and a reset right behind it does not hold them back") {
  simulate([] {
    weft::event door;
    int passed = 0;
    std::vector<weft::fiber<void>> all;
    for (int i = 0; i < 5; ++i)
      all.push_back(weft::spawn([&] {
        door.wait();
        ++passed;
      }));
    await_waiters(door, 5);
    door.set();
    door.reset();
    for (auto& f : all) f.join();
    CHECK(passed == 5);
    CHECK(!door.is_set());
  });
}

TEST_CASE("fibers, threads and tasks wait for one event, whoever sets it") {
  for (const auto setter : weft::test::kinds) {
    CAPTURE(name_of(setter));
    weft::run([setter] {
      weft::event door;
      std::atomic<int> passed{0};
      company waiters, other;
      for (const auto k : weft::test::kinds)
        waiters.start(
            k,
            [&] {
              door.wait();
              ++passed;
            },
            [&]() -> weft::stackless::task<> {
              co_await door.async_wait();
              ++passed;
            });
      await_waiters(door, std::size(weft::test::kinds));
      CHECK(passed == 0);
      other.start(
          setter, [&] { door.set(); },
          [&]() -> weft::stackless::task<> {
            door.set();
            co_return;
          });
      waiters.join();
      CHECK(passed == std::size(weft::test::kinds));
    });
  }
}

TEST_CASE("a wait for an event that is cancelled or too late leaves nobody in the queue") {
  weft::run([] {
    weft::event door;
    company waiters;
    std::atomic<int> late{0}, passed{0};
    for (const auto k : weft::test::kinds)
      waiters.start(
          k, [&] { late += !door.wait_for(1ms); },
          [&]() -> weft::stackless::task<> { late += !co_await door.async_wait_until(1ms); });
    waiters.join();
    CHECK(late == std::size(weft::test::kinds));
    CHECK(waiters_of(door) == 0);
    for (const auto k : weft::test::kinds) {
      if (k == weft::test::kind::thread) continue;
      waiters.start(
          k,
          [&] {
            door.wait();
            ++passed;
          },
          [&]() -> weft::stackless::task<> {
            co_await door.async_wait();
            ++passed;
          });
    }
    await_waiters(door, std::size(weft::test::kinds) - 1);
    waiters.cancel();
    waiters.join();
    CHECK(passed == 0);
    CHECK(waiters_of(door) == 0);
  });
}

TEST_CASE("waiting for an event is a cancellation point also when it is set") {
  simulate([] {
    weft::event door(true);
    bool cancelled = false;
    auto f = weft::spawn([&] {
      try {
        while (true) {
          door.wait();
          weft::shield([] { weft::this_fiber::yield(); });
        }
      } catch (const weft::cancelled&) {
        cancelled = true;
      }
    });
    for (int i = 0; i < 5; ++i) weft::this_fiber::yield();
    f.cancel();
    f.join();
    CHECK(cancelled);
  });
}

TEST_CASE("who was woken by an event may destroy it") {
  for (std::size_t round = weft::test::scaled(2'000, 200); round > 0; --round) {
    weft::event begin;
    auto door = std::make_unique<weft::event>();
    std::thread setter([&begin, one = door.get()] {
      begin.wait();
      one->set();
    });
    begin.set();
    door->wait();
    door.reset();
    setter.join();
  }
}

TEST_CASE("planted: an event is destroyed while somebody waits" * doctest::skip()) {
  weft::run([] {
    auto door = std::make_unique<weft::event>();
    auto f = weft::spawn([&] { door->wait(); });
    await_waiters(*door, 1);
    door.reset();
  });
}

TEST_CASE("destroying an event that is waited for ends the process and says so") {
  const auto end = weft::test::run_alone("planted: an event is destroyed while somebody waits");
  CHECK(end.signal == SIGABRT);
  CHECK(end.said_this("an event was destroyed while somebody waits for it"));
}

TEST_CASE("an event wakes a herd of 10,000 fibers, again and again, each of them once") {
  const std::size_t herd = weft::test::scaled(10'000);
  weft::run([&] {
    weft::event doors[3];
    std::atomic<std::size_t> arrived{0}, passed{0};
    weft::with_scope([&](weft::scope& s) {
      for (std::size_t i = 0; i < herd; ++i) {
        s.spawn({.movable = i % 2 == 0}, [&] {
          for (weft::event& door : doors) {
            ++arrived;
            door.wait();
            ++passed;
          }
        });
      }
      for (std::size_t i = 0; i < 3; ++i) {
        while (arrived != (i + 1) * herd) weft::this_fiber::yield();
        await_waiters(doors[i], herd);
        CHECK(passed == i * herd);
        doors[i].set();
      }
    });
    CHECK(passed == 3 * herd);
  });
}

TEST_CASE("a fiber or task that never has to wait at a primitive lets others run all the same") {
  weft::event open;
  open.set();
  weft::latch down(0);
  weft::semaphore permits(1);
  weft::wait_group nobody;
  weft::barrier alone(1);
  const std::function<void()> waits[] = {
      [&] { open.wait(); },
      [&] { down.wait(); },
      [&] {
        permits.acquire();
        permits.release();
      },
      [&] { nobody.wait(); },
      [&] { alone.arrive_and_wait(); },
  };
  for (const auto& wait : waits)
    simulate(
        [&] {
          bool over = false;
          auto other = weft::spawn([&] { over = true; });
          while (!over) wait();
          other.join();
        },
        1);
  simulate(
      [&] {
        bool begun = false, over = false;
        auto other = weft::spawn([&] {
          while (!begun) weft::this_fiber::yield();
          over = true;
        });
        company one;
        one.start(weft::test::kind::task, {}, [&]() -> weft::stackless::task<> {
          begun = true;
          while (!over) co_await open.async_wait();
        });
        one.join();
        other.join();
      },
      1);
}
