// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/alone.hpp"
#include "support/litmus.hpp"
#include "support/refusal.hpp"
#include "support/scale.hpp"
#include "support/simulated.hpp"
#include "sync/company.hpp"

using namespace std::chrono_literals;
using weft::stackless::task;
using weft::test::await_waiters;
using weft::test::company;
using weft::test::kind;
using weft::test::kinds;
using weft::test::refuses;
using weft::test::scaled;
using weft::test::simulate;
using weft::test::waiters_of;

TEST_CASE("a semaphore lets as many in as it has permits, of any kind") {
  weft::run([] {
    weft::semaphore s(3);
    std::atomic<int> inside{0}, most{0};
    const int rounds = int(scaled(5'000, 100));
    const auto enter = [&] {
      const int now = ++inside;
      for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
      }
    };
    company all;
    for (int twice = 0; twice < 2; ++twice)
      for (const auto k : kinds)
        all.start(
            k,
            [&] {
              for (int i = 0; i < rounds; ++i) {
                s.acquire();
                enter();
                weft::this_fiber::yield();
                --inside;
                s.release();
              }
            },
            [&]() -> task<> {
              for (int i = 0; i < rounds; ++i) {
                co_await s.async_acquire();
                enter();
                co_await weft::stackless::yield();
                --inside;
                s.release();
              }
            });
    all.join();
    CHECK(most == 3);
    CHECK(s.available() == 3);
    CHECK(waiters_of(s) == 0);
  });
}

TEST_CASE("a semaphore serves first who came first, and gives nobody else what is released") {
  simulate([] {
    weft::semaphore s(0);
    std::vector<int> order;
    std::vector<weft::fiber<void>> all;
    for (int i = 0; i < 6; ++i) {
      all.push_back(weft::spawn([&, i] {
        s.acquire();
        order.push_back(i);
      }));
      await_waiters(s, std::size_t(i) + 1);
    }
    s.release(2);
    CHECK(!s.try_acquire());
    CHECK(waiters_of(s) == 4);
    s.release(5);
    CHECK(s.try_acquire());
    CHECK(!s.try_acquire());
    for (auto& f : all) f.join();
    CHECK(order.size() == 6);
  });
  // The order in which they are let go is that in which they run where nothing else chooses.
  weft::run(
      [] {
        weft::semaphore s(0);
        std::vector<int> order;
        std::vector<weft::fiber<void>> all;
        for (int i = 0; i < 6; ++i) {
          all.push_back(weft::spawn([&, i] {
            s.acquire();
            order.push_back(i);
          }));
          await_waiters(s, std::size_t(i) + 1);
        }
        for (int i = 0; i < 6; ++i) s.release();
        for (auto& f : all) f.join();
        CHECK(order == std::vector<int>{0, 1, 2, 3, 4, 5});
      },
      {.workers = 1});
}

TEST_CASE("a permit that is there is taken also when the time is over, and none that is not") {
  weft::semaphore s(3);
  CHECK(s.acquire_until(-1s));
  CHECK(s.try_acquire_until(-1s));
  CHECK(s.try_acquire_for(0s));
  CHECK_FALSE(s.acquire_until(1ms));
  CHECK_FALSE(s.try_acquire_for(1ms));
  CHECK(s.available() == 0);
}

TEST_CASE("a wait for a permit ends by deadline or cancellation without a permit, or keeps it") {
  simulate(
      [] {
        weft::semaphore s(2);
        int held = 0, got = 0, late = 0, cancelled = 0;
        std::vector<weft::fiber<void>> all;
        for (int i = 0; i < 10; ++i) {
          all.push_back(weft::spawn([&, i] {
            for (int round = 0; round < 5; ++round) {
              bool has = false;
              try {
                if (i % 2)
                  has = s.try_acquire_for(std::chrono::milliseconds(1 + (i + round) % 4));
                else
                  s.acquire(), has = true;
              } catch (const weft::cancelled&) {
                ++cancelled;
                return;
              }
              has ? ++got : ++late;
              if (!has) continue;
              CHECK(++held <= 2);
              weft::shield([] { weft::this_fiber::sleep_for(1ms); });
              --held;
              s.release();
            }
          }));
        }
        for (int i = 0; i < 10; i += 4) {
          weft::this_fiber::sleep_for(std::chrono::milliseconds(i % 5));
          all[std::size_t(i)].cancel();
        }
        for (auto& f : all) (void)f.join_until(weft::never);
        for (auto& f : all) f = {};
        CHECK(s.available() == 2);
        CHECK(waiters_of(s) == 0);
        CHECK(got + late > 0);
      },
      300);
}

TEST_CASE("a permit that is released while its waiter gives up goes to one of the two") {
  // One thread waits for a very short time and the other releases; then the permit is either had or there.
  weft::semaphore s(0);
  bool got = false;
  const auto wrong = weft::test::litmus(
      scaled(5'000, 200), [&] { got = false; },
      [&] {
        const bool there = s.try_acquire();
        return got != there && waiters_of(s) == 0;
      },
      [&](weft::test::stagger& wait) {
        wait();
        got = s.try_acquire_for(std::chrono::nanoseconds(wait.random() % 60'000));
      },
      [&](weft::test::stagger& wait) {
        wait(100'000);
        s.release();
      });
  CHECK(wrong == 0);
}

TEST_CASE("misuse of a semaphore is refused and changes nothing") {
  CHECK(refuses(std::errc::invalid_argument, "negative", [] { return weft::semaphore(-1).available(); }));
  CHECK(refuses(std::errc::invalid_argument, "max()",
                [] { return weft::semaphore(weft::semaphore::max() + 1).available(); }));
  weft::semaphore s(weft::semaphore::max() - 1);
  CHECK(refuses(std::errc::invalid_argument, "negative", [&] { return s.release(-1), 0; }));
  CHECK(refuses(std::errc::value_too_large, "beyond max()", [&] { return s.release(2), 0; }));
  CHECK(s.available() == weft::semaphore::max() - 1);
  s.release(0);
  s.release();
  CHECK(s.available() == weft::semaphore::max());
}

TEST_CASE("who has got a permit may destroy the semaphore") {
  for (std::size_t round = scaled(2'000, 200); round > 0; --round) {
    auto s = std::make_unique<weft::semaphore>(0);
    std::thread releaser([one = s.get()] { one->release(); });
    s->acquire();
    s.reset();
    releaser.join();
  }
}

TEST_CASE("planted: a semaphore is destroyed while somebody waits" * doctest::skip()) {
  weft::run([] {
    auto s = std::make_unique<weft::semaphore>(0);
    auto f = weft::spawn([&] { s->acquire(); });
    await_waiters(*s, 1);
    s.reset();
  });
}

TEST_CASE("destroying a semaphore that is waited for ends the process and says so") {
  const auto end = weft::test::run_alone("planted: a semaphore is destroyed while somebody waits");
  CHECK(end.signal == SIGABRT);
  CHECK(end.said_this("a semaphore was destroyed while somebody waits for it"));
}

TEST_CASE("an event that resets itself lets one pass for each signal, and keeps one signal") {
  simulate([] {
    weft::auto_reset_event e;
    CHECK(!e.is_set());
    e.set();
    e.set();
    CHECK(e.is_set());
    e.wait();
    CHECK(!e.wait_for(1s));
    e.set();
    e.reset();
    CHECK(!e.wait_for(0s));
    int passed = 0;
    std::vector<weft::fiber<void>> all;
    for (int i = 0; i < 3; ++i)
      all.push_back(weft::spawn([&] {
        e.wait();
        ++passed;
      }));
    await_waiters(e, 3);
    for (int i = 1; i <= 3; ++i) {
      e.set();
      while (passed < i) weft::this_fiber::yield();
      CHECK(waiters_of(e) == std::size_t(3 - i));
      CHECK(!e.is_set());
    }
    for (auto& f : all) f.join();
  });
}
