// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
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

TEST_CASE("a mutex excludes fibers, threads and tasks from each other") {
  weft::run([] {
    weft::mutex m;
    long count = 0;
    const long rounds = long(scaled(20'000, 200));
    company all;
    for (int twice = 0; twice < 2; ++twice) {
      for (const auto k : kinds)
        all.start(
            k,
            [&] {
              for (long i = 0; i < rounds; ++i) {
                const std::lock_guard guard(m);
                const long seen = count;
                if (i % 16 == 0) weft::this_fiber::yield();
                count = seen + 1;
              }
            },
            [&]() -> task<> {
              for (long i = 0; i < rounds; ++i) {
                co_await m.async_lock();
                const std::lock_guard guard(m, std::adopt_lock);
                const long seen = count;
                if (i % 16 == 0) co_await weft::stackless::yield();
                count = seen + 1;
              }
            });
    }
    all.join();
    CHECK(count == 2 * rounds * std::ssize(kinds));
    CHECK(waiters_of(m) == 0);
    CHECK(m.try_lock());
    m.unlock();
  });
}

TEST_CASE("a mutex that its holder locks again says that this is a deadlock, and stays locked") {
  weft::run([] {
    for (const auto k : kinds) {
      CAPTURE(name_of(k));
      weft::mutex m;
      company one;
      one.start(
          k,
          [&] {
            m.lock();
            CHECK(m.is_mine());
            CHECK(refuses(std::errc::resource_deadlock_would_occur, "locked again", [&] { return m.lock(), 0; }));
            CHECK(
                refuses(std::errc::resource_deadlock_would_occur, "locked again", [&] { return m.try_lock_for(1s); }));
            CHECK(!m.try_lock());
            m.unlock();
          },
          [&]() -> task<> {
            co_await m.async_lock();
            CHECK(m.is_mine());
            bool refused = false;
            try {
              co_await m.async_lock();
            } catch (const std::system_error& e) {
              refused = e.code() == std::errc::resource_deadlock_would_occur;
            }
            CHECK(refused);
            CHECK(!m.try_lock());
            m.unlock();
          });
      one.join();
      CHECK(m.try_lock());
      m.unlock();
    }
  });
}

TEST_CASE("a mutex that a stranger unlocks says so, and stays locked") {
  weft::run([] {
    for (const auto k : kinds) {
      CAPTURE(name_of(k));
      weft::mutex m;
      const auto refused = [&m] {
        CHECK(!m.is_mine());
        CHECK(refuses(std::errc::operation_not_permitted, "does not hold it", [&] { return m.unlock(), 0; }));
      };
      const auto refused_as_task = [&]() -> task<> {
        refused();
        co_return;
      };
      company strangers;
      strangers.start(k, refused, refused_as_task);
      strangers.join();
      m.lock();
      strangers.start(k, refused, refused_as_task);
      strangers.join();
      CHECK(m.is_mine());
      m.unlock();
    }
  });
}

TEST_CASE("std's locks apply to a mutex, the timed ones too") {
  simulate([] {
    weft::mutex a, b;
    {
      const std::scoped_lock both(a, b);
      CHECK(a.is_mine());
      CHECK(b.is_mine());
    }
    std::unique_lock lock(a, 1s);
    CHECK(lock.owns_lock());
    weft::spawn([&] {
      std::unique_lock late(a, std::defer_lock);
      CHECK(!late.try_lock());
      const auto begin = std::chrono::steady_clock::now();
      CHECK(!late.try_lock_for(1s));
      CHECK(!late.try_lock_until(begin + 2s));
      CHECK(std::chrono::steady_clock::now() == begin + 2s);
      CHECK(!a.try_lock_until(weft::deadline(-1s)));
      CHECK(waiters_of(a) == 0);
    }).join();
    lock.unlock();
    CHECK(lock.try_lock_until(std::chrono::system_clock::now() - 1s));
  });
}

TEST_CASE("no cancellation ends the wait for a mutex") {
  weft::run([] {
    weft::mutex m;
    for (const auto k : kinds) {
      if (k == kind::thread) continue;
      m.lock();
      std::atomic<int> got{0}, cancelled{0};
      company one;
      one.start(
          k,
          [&] {
            {
              const std::lock_guard guard(m);
              ++got;
            }
            try {
              weft::this_fiber::check_cancelled();
            } catch (const weft::cancelled&) {
              ++cancelled;
            }
          },
          [&]() -> task<> {
            co_await m.async_lock();
            ++got;
            m.unlock();
            try {
              co_await weft::stackless::yield();
            } catch (const weft::cancelled&) {
              ++cancelled;
            }
          });
      await_waiters(m, 1);
      one.cancel();
      for (int i = 0; i < 10; ++i) weft::this_fiber::yield();
      CHECK(waiters_of(m) == 1);
      CHECK(got == 0);
      m.unlock();
      one.join();
      CHECK(got == 1);
      CHECK(cancelled == 1);
    }
  });
}

TEST_CASE("who waits for a mutex is overtaken a few times and no more") {
  simulate([] {
    weft::mutex m;
    bool got = false;
    int overtaken = 0;
    m.lock();
    auto waiter = weft::spawn([&] {
      const std::lock_guard guard(m);
      got = true;
    });
    await_waiters(m, 1);
    m.unlock();
    // Has it whenever the other one looks.
    while (!got && overtaken < 1000) {
      const std::lock_guard guard(m);
      if (!got) ++overtaken;
      for (int i = 0; i < 4; ++i) weft::this_fiber::yield();
    }
    waiter.join();
    CHECK(overtaken < 100);
  });
}

TEST_CASE("who was woken for a mutex and came too late keeps his place in line") {
  weft::run(
      [] {
        weft::mutex m;
        std::vector<int> order;
        std::vector<weft::fiber<void>> all;
        m.lock();
        for (int i = 0; i < 2; ++i) {
          all.push_back(weft::spawn([&, i] {
            const std::lock_guard guard(m);
            order.push_back(i);
          }));
          await_waiters(m, std::size_t(i) + 1);
        }
        m.unlock();  // wakes the first one
        m.lock();    // and takes it away again
        await_waiters(m, 1);
        await_waiters(m, 2);
        m.unlock();
        for (auto& f : all) f.join();
        CHECK(order == std::vector<int>{0, 1});
      },
      {.workers = 1});
}

TEST_CASE("waits for a mutex that end by their deadline lose no wake, in any order") {
  simulate(
      [] {
        weft::mutex m;
        int inside = 0, locked = 0, late = 0;
        std::vector<weft::fiber<void>> all;
        for (int i = 0; i < 8; ++i) {
          all.push_back(weft::spawn([&, i] {
            for (int round = 0; round < 6; ++round) {
              if ((i + round) % 3 == 0) {
                m.lock();
              } else if (!m.try_lock_for(std::chrono::milliseconds(1 + (i * 7 + round) % 5))) {
                ++late;
                continue;
              }
              CHECK(++inside == 1);
              if (round % 2)
                weft::this_fiber::sleep_for(1ms);
              else
                weft::this_fiber::yield();
              --inside;
              ++locked;
              m.unlock();
            }
          }));
        }
        for (auto& f : all) f.join();
        CHECK(locked + late == 48);
        CHECK(waiters_of(m) == 0);
        CHECK(m.try_lock());
        m.unlock();
      },
      200);
}

TEST_CASE("whoever was the last to hold a mutex may destroy it") {
  // The other one has unlocked it, but may not have returned from there.
  std::unique_ptr<weft::mutex> m;
  std::atomic<bool> unlocked_by_other{false};
  const auto wrong = weft::test::litmus(
      scaled(20'000, 500),
      [&] {
        m = std::make_unique<weft::mutex>();
        unlocked_by_other = false;
      },
      [&] { return !m; },
      [&](weft::test::stagger& wait) {
        weft::test::spin_until([&] { return unlocked_by_other.load(); });
        wait();
        m->lock();
        m->unlock();
        m.reset();
      },
      [&](weft::test::stagger& wait) {
        wait();
        weft::mutex& same = *m;
        same.lock();
        wait();
        unlocked_by_other = true;
        same.unlock();
      });
  CHECK(wrong == 0);
}

TEST_CASE("planted: a mutex is destroyed while somebody waits" * doctest::skip()) {
  weft::run([] {
    auto m = std::make_unique<weft::mutex>();
    m->lock();
    auto f = weft::spawn([&] { m->lock(); });
    await_waiters(*m, 1);
    m.reset();
  });
}

TEST_CASE("destroying a mutex that is waited for ends the process and says so") {
  const auto end = weft::test::run_alone("planted: a mutex is destroyed while somebody waits");
  CHECK(end.signal == SIGABRT);
  CHECK(end.said_this("a mutex was destroyed while somebody waits for it"));
}
