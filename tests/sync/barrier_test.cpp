// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <utility>
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

TEST_CASE("nobody of any kind leaves a barrier before all have come and the completion has run") {
  weft::run([] {
    const int rounds = int(scaled(2'000, 50));
    constexpr int count = int(std::size(kinds));
    std::atomic<int> arrived{0}, phases{0};
    std::atomic<long> wrong{0};
    weft::barrier sync(count, [&]() noexcept {
      if (arrived != count * (phases + 1)) ++wrong;
      ++phases;
    });
    company all;
    for (const auto k : kinds)
      all.start(
          k,
          [&] {
            for (int i = 0; i < rounds; ++i) {
              ++arrived;
              sync.arrive_and_wait();
              if (phases != 2 * i + 1) ++wrong;
              ++arrived;
              sync.wait(sync.arrive());
              if (phases != 2 * i + 2) ++wrong;
            }
          },
          [&]() -> task<> {
            for (int i = 0; i < rounds; ++i) {
              ++arrived;
              co_await sync.async_arrive_and_wait();
              if (phases != 2 * i + 1) ++wrong;
              ++arrived;
              co_await sync.async_wait(sync.arrive());
              if (phases != 2 * i + 2) ++wrong;
            }
          });
    all.join();
    CHECK(wrong == 0);
    CHECK(phases == 2 * rounds);
    CHECK(waiters_of(sync) == 0);
  });
}

TEST_CASE("who leaves a barrier for good is not waited for any more") {
  simulate([] {
    weft::barrier sync(3);
    int rounds = 0;
    std::vector<weft::fiber<void>> all;
    all.push_back(weft::spawn([&] {
      sync.arrive_and_wait();
      sync.arrive_and_drop();
    }));
    for (int i = 0; i < 2; ++i)
      all.push_back(weft::spawn([&] {
        for (int round = 0; round < 4; ++round, ++rounds) sync.arrive_and_wait();
      }));
    for (auto& f : all) f.join();
    CHECK(rounds == 8);
  });
}

TEST_CASE("an arrival at a barrier that is cancelled or late is withdrawn") {
  weft::run([] {
    for (const auto k : kinds) {
      CAPTURE(name_of(k));
      weft::barrier sync(2);
      std::atomic<int> left{0}, late{0};
      company one;
      one.start(
          k, [&] { late += !sync.arrive_and_wait_until(1ms); },
          [&]() -> task<> { late += !co_await sync.async_arrive_and_wait_until(1ms); });
      one.join();
      CHECK(late == 1);
      if (k == kind::thread) continue;
      one.start(
          k,
          [&] {
            sync.arrive_and_wait();
            ++left;
          },
          [&]() -> task<> {
            co_await sync.async_arrive_and_wait();
            ++left;
          });
      await_waiters(sync, 1);
      one.cancel();
      one.join();
      CHECK(left == 0);
      CHECK(waiters_of(sync) == 0);
      // Two are still lacking.
      auto first = sync.arrive();
      CHECK(refuses(std::errc::invalid_argument, "more arrivals", [&] { return (void)sync.arrive(2), 0; }));
      (void)sync.arrive();
      sync.wait(std::move(first));
    }
  });
}

TEST_CASE("a fiber that need not wait is not taken for one who waits when it is cancelled behind that") {
  simulate([] {
    weft::barrier<> alone(1);
    int resumed = 0;
    weft::fiber_ref self;
    weft::with_scope([&](weft::scope& all) {
      self = all.spawn([&] {
        alone.arrive_and_wait();
        self.cancel();
        weft::shield([&] { weft::this_fiber::sleep_for(1s); });
        ++resumed;
      });
    });
    CHECK(resumed == 1);
  });
}

TEST_CASE("a task that is cancelled at the moment of its arrival has not arrived") {
  // It looks for a cancellation, waits for the lot, which is held until it is cancelled, and looks again.
  const auto in_lot = [](auto& at, auto arrive) {
    auto& lot = weft::detail::lot_access::of(at);
    const auto before = lot.lock();
    std::atomic<bool> comes{false};
    auto comes_and_arrives = [&]() -> task<bool> {
      comes = true;
      try {
        co_await arrive();
      } catch (const weft::cancelled&) {
        co_return false;
      }
      co_return true;
    };
    auto it = weft::stackless::create_task(comes_and_arrives());
    weft::test::spin_until([&] { return comes.load(); });
    for (int i = 0; i < 100; ++i) weft::detail::relax(0);
    it.cancel();
    lot.unlock(before);
    CHECK(!weft::await(it));
    CHECK(lot.look() == before);
  };
  weft::run(
      [&] {
        for (std::size_t i = scaled(300, 50); i > 0; --i) {
          weft::barrier<> barrier(2);
          in_lot(barrier, [&] { return barrier.async_arrive_and_wait(); });
          weft::latch latch(2);
          in_lot(latch, [&] { return latch.async_arrive_and_wait(); });
        }
      },
      {.workers = 2});
}

TEST_CASE("an arrival whose phase completes while it is cancelled counts, and waits for the completion") {
  simulate([] {
    bool completed = false;
    weft::fiber<void> early;
    weft::barrier sync(2, [&]() noexcept {
      early.cancel();  // too late
      weft::shield([] { weft::this_fiber::sleep_for(1s); });
      completed = true;
    });
    bool left = false;
    early = weft::spawn([&] {
      sync.arrive_and_wait();
      CHECK(completed);
      left = true;
    });
    await_waiters(sync, 1);
    sync.arrive_and_wait();
    early.join();
    CHECK(left);
  });
}

TEST_CASE("phases with random cancellations and deadlines stay whole, in any order") {
  simulate(
      [] {
        constexpr int count = 4;
        int phases = 0, withdrawn = 0;
        std::atomic<bool> end{false};
        std::vector<int> passed(count + 2);
        weft::barrier sync(count, [&]() noexcept { ++phases; });
        std::vector<weft::fiber<void>> all;
        // More than a phase needs; they come and go.
        for (std::size_t i = 0; i < count + 2; ++i) {
          all.push_back(weft::spawn([&, i] {
            for (int round = 0; !end; ++round) {
              try {
                if (sync.arrive_and_wait_until(std::chrono::milliseconds(1 + (int(i) * 3 + round) % 4)))
                  ++passed[i];
                else
                  ++withdrawn;
              } catch (const std::system_error&) {  // one more than the phase that is completing expects
              }
              weft::this_fiber::sleep_for(std::chrono::microseconds(100 * (i + 1)));
            }
          }));
        }
        weft::this_fiber::sleep_for(20ms);
        all[0].cancel();
        all[1].cancel();
        weft::this_fiber::sleep_for(20ms);
        end = true;
        for (auto& f : all) (void)f.join_until(weft::never);
        int sum = 0;
        for (const int p : passed) sum += p;
        CHECK(sum == count * phases);
        CHECK(phases > 0);
        CHECK(waiters_of(sync) == 0);
        for (auto& f : all) f = {};
      },
      100);
}

TEST_CASE("misuse of a barrier is refused and changes nothing") {
  const auto wrong = [](const char* what, auto f) { return refuses(std::errc::invalid_argument, what, f); };
  CHECK(wrong("made for nobody", [] { return weft::barrier(0), 0; }));
  CHECK(wrong("made for nobody", [] { return weft::barrier(-1), 0; }));
  CHECK(wrong("beyond max()", [] { return weft::barrier(weft::barrier<>::max() + 1), 0; }));
  weft::barrier sync(2);
  CHECK(wrong("more arrivals", [&] { return (void)sync.arrive(3), 0; }));
  CHECK(wrong("fewer than one", [&] { return (void)sync.arrive(0), 0; }));
  sync.wait(sync.arrive(2));
}

TEST_CASE("planted: a barrier is destroyed while somebody waits" * doctest::skip()) {
  weft::run([] {
    auto sync = std::make_unique<weft::barrier<>>(2);
    auto f = weft::spawn([&] { sync->arrive_and_wait(); });
    await_waiters(*sync, 1);
    sync.reset();
  });
}

TEST_CASE("destroying a barrier that is waited for ends the process and says so") {
  const auto end = weft::test::run_alone("planted: a barrier is destroyed while somebody waits");
  CHECK(end.signal == SIGABRT);
  CHECK(end.said_this("a barrier was destroyed while somebody waits for it"));
}
