// SPDX-License-Identifier: BSL-1.0
// Everybody at once, with deadlines and cancellations at random times: what is conserved must be conserved.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/litmus.hpp"
#include "support/scale.hpp"
#include "support/simulated.hpp"
#include "sync/company.hpp"

using namespace std::chrono_literals;
using weft::stackless::task;
using weft::test::company;
using weft::test::kind;
using weft::test::kinds;
using weft::test::scaled;
using weft::test::simulate;
using weft::test::stagger;
using weft::test::waiters_of;

namespace {

std::chrono::nanoseconds some_time(stagger& random) { return std::chrono::nanoseconds(random.random() % 40'000); }

}  // namespace

TEST_CASE("permits are conserved whoever gives up when") {
  weft::run([] {
    constexpr int permits = 2;
    weft::semaphore s(permits);
    std::atomic<int> inside{0}, wrong{0};
    std::atomic<long> got{0}, without{0};
    const int rounds = int(scaled(3'000, 60));
    const auto use = [&] {
      if (++inside > permits) ++wrong;
      ++got;
      --inside;
      s.release();
    };
    std::atomic<std::uint64_t> seeds{1};
    company all;
    for (int twice = 0; twice < 2; ++twice)
      for (const auto k : kinds)
        all.start(
            k,
            [&, k] {
              stagger random(seeds++);
              for (int i = 0; i < rounds; ++i) {
                bool has = false;
                if (k != kind::thread && i % 2)  // a cancellation
                  (void)weft::try_for(some_time(random), [&] {
                    s.acquire();
                    has = true;
                  });
                else
                  has = s.try_acquire_for(some_time(random));
                has ? use() : void(++without);
              }
            },
            [&]() -> task<> {
              stagger random(seeds++);
              for (int i = 0; i < rounds; ++i) {
                if (co_await s.async_acquire_until(some_time(random)))
                  use();
                else
                  ++without;
              }
            });
    // Tasks that are cancelled from outside at any time.
    std::atomic<bool> end{false};
    company victims;
    std::vector<weft::stackless::task_handle<>> tasks;
    weft::wait_group living, fresh;
    const auto acquire_for_ever = [&]() -> task<> {
      fresh.done();
      for (;;) {
        try {
          co_await s.async_acquire();
          use();
        } catch (const weft::cancelled&) {
          ++without;
          if (end) break;
        }
      }
      living.done();
    };
    for (int i = 0; i < 3; ++i) {
      living.add();
      fresh.add();
      tasks.push_back(weft::stackless::create_task(acquire_for_ever()));
    }
    fresh.wait();  // one that is cancelled before it starts never runs
    stagger random(99);
    for (int i = 0; i < rounds; ++i) {
      tasks[random.random() % tasks.size()].cancel();
      weft::this_fiber::yield();
    }
    all.join();
    end = true;
    while (living.count() > 0) {
      for (auto& t : tasks) t.cancel();
      weft::this_fiber::yield();
    }
    CHECK(wrong == 0);
    CHECK(got > 0);
    CHECK(s.available() == permits);
    CHECK(waiters_of(s) == 0);
  });
}

TEST_CASE("a mutex whose waiters give up at any time excludes, and is free in the end") {
  weft::run([] {
    weft::mutex m;
    long count = 0;
    std::atomic<long> locked{0};
    std::atomic<std::uint64_t> seeds{1};
    const int rounds = int(scaled(4'000, 60));
    company all;
    for (int twice = 0; twice < 2; ++twice)
      for (const auto k : kinds)
        all.start(
            k,
            [&] {
              stagger random(seeds++);
              for (int i = 0; i < rounds; ++i) {
                std::unique_lock lock(m, std::defer_lock);
                if (i % 3 == 0)
                  lock.lock();
                else if (!lock.try_lock_for(some_time(random)))
                  continue;
                ++locked;
                const long seen = count;
                if (random.random() % 8 == 0) weft::this_fiber::yield();
                count = seen + 1;
              }
            },
            [&]() -> task<> {
              stagger random(seeds++);
              for (int i = 0; i < rounds; ++i) {
                if (i % 3 == 0)
                  co_await m.async_lock();
                else if (!co_await m.async_try_lock_until(some_time(random)))
                  continue;
                ++locked;
                const long seen = count;
                if (random.random() % 8 == 0) co_await weft::stackless::yield();
                count = seen + 1;
                m.unlock();
              }
            });
    all.join();
    CHECK(count == locked);
    CHECK(waiters_of(m) == 0);
    CHECK(m.try_lock());
    m.unlock();
  });
}

TEST_CASE("a shared mutex whose readers and writers give up at any time excludes, and is free in the end") {
  weft::run([] {
    weft::shared_mutex m;
    long count = 0;
    std::atomic<long> written{0};
    std::atomic<std::uint64_t> seeds{1};
    const int rounds = int(scaled(3'000, 100));
    company all;
    for (int twice = 0; twice < 2; ++twice)
      for (const auto k : kinds)
        all.start(
            k,
            [&] {
              stagger random(seeds++);
              for (int i = 0; i < rounds; ++i) {
                if (i % 3 == 0) {
                  const std::shared_lock lock(m, some_time(random));
                  if (lock) CHECK(count <= written);
                } else if (m.try_lock_for(some_time(random))) {
                  ++written;
                  ++count;
                  if (i % 8 == 1) weft::this_fiber::yield();
                  m.unlock();
                }
              }
            },
            [&]() -> task<> {
              stagger random(seeds++);
              for (int i = 0; i < rounds; ++i) {
                if (i % 3 == 0) {
                  if (!co_await m.async_try_lock_shared_until(some_time(random))) continue;
                  CHECK(count <= written);
                  m.unlock_shared();
                } else if (co_await m.async_try_lock_until(some_time(random))) {
                  ++written;
                  ++count;
                  if (i % 8 == 1) co_await weft::stackless::yield();
                  m.unlock();
                }
              }
            });
    all.join();
    CHECK(count == written);
    CHECK(waiters_of(m) == 0);
    CHECK(m.try_lock());
    m.unlock();
  });
}

TEST_CASE("a barrier's phases stay whole when arrivals are withdrawn at any time") {
  weft::run([] {
    constexpr int count = 3;
    std::atomic<long> phases{0}, passed{0}, withdrawn{0};
    std::atomic<std::uint64_t> seeds{1};
    weft::barrier sync(count, [&]() noexcept { ++phases; });
    std::atomic<bool> end{false};
    company all;
    const auto count_one = [&](bool in_time) { in_time ? ++passed : ++withdrawn; };
    // More than a phase needs: one too many is refused while it completes.
    for (const auto k : kinds)
      all.start(
          k,
          [&] {
            stagger random(seeds++);
            while (!end) {
              try {
                count_one(sync.arrive_and_wait_until(some_time(random)));
              } catch (const std::system_error&) {
              }
            }
          },
          [&]() -> task<> {
            stagger random(seeds++);
            while (!end) {
              try {
                count_one(co_await sync.async_arrive_and_wait_until(some_time(random)));
              } catch (const std::system_error&) {
              }
            }
          });
    while (phases < long(scaled(3'000, 50))) weft::this_fiber::yield();
    end = true;
    all.join();
    CHECK(passed == count * phases);
    CHECK(waiters_of(sync) == 0);
  });
}

TEST_CASE("the turns of many fibers that want one mutex are shared out") {
  // Each holds it over a park, so that all others want it all the time.
  simulate([] {
    weft::mutex m;
    constexpr std::size_t count = 16;
    std::vector<int> turns(count);
    bool end = false;
    weft::with_scope([&](weft::scope& all) {
      for (std::size_t i = 0; i < count; ++i)
        all.spawn([&, i] {
          while (!end) {
            const std::lock_guard guard(m);
            ++turns[i];
            weft::this_fiber::yield();
          }
        });
      for (int i = 0; i < 20'000; ++i) weft::this_fiber::yield();
      end = true;
    });
    for (const int n : turns) CHECK(n > 0);
  });
}

TEST_CASE("a lock of the parking lot excludes, and its last touch is the store that gives it back") {
  weft::detail::parking_lot lot;
  long count = 0;
  const auto wrong = weft::test::litmus(
      scaled(20'000, 500), [&] { count = 0; }, [&] { return count == 4 && lot.look() == 16; },
      [&](stagger& wait) {
        for (int i = 0; i < 2; ++i) {
          wait();
          const auto state = lot.lock();
          ++count;
          lot.unlock(i == 0 ? 16 : state);
        }
      },
      [&](stagger& wait) {
        for (int i = 0; i < 2; ++i) {
          wait();
          (void)lot.lock();
          ++count;
          lot.unlock(16);
        }
      });
  CHECK(wrong == 0);
}
