// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/alone.hpp"
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

TEST_CASE("a latch opens when all have counted it down, for all who wait and for those who come later") {
  weft::run([] {
    for (std::size_t round = scaled(200, 20); round > 0; --round) {
      weft::latch latch(std::ssize(kinds) * 2);
      std::atomic<int> before{0}, wrong{0};
      company all;
      for (const auto k : kinds) {
        all.start(
            k,
            [&] {
              ++before;
              latch.arrive_and_wait();
              wrong += before != 2 * std::ssize(kinds);
            },
            [&]() -> task<> {
              ++before;
              co_await latch.async_arrive_and_wait();
              wrong += before != 2 * std::ssize(kinds);
            });
        all.start(
            k,
            [&] {
              ++before;
              latch.count_down();
              latch.wait();
              wrong += before != 2 * std::ssize(kinds);
            },
            [&]() -> task<> {
              ++before;
              latch.count_down();
              co_await latch.async_wait();
              wrong += before != 2 * std::ssize(kinds);
            });
      }
      all.join();
      CHECK(wrong == 0);
      CHECK(latch.try_wait());
      latch.wait();
      CHECK(latch.wait_until(-1s));
    }
  });
}

TEST_CASE("a cancelled arrival at a latch is withdrawn, and a wait for it leaves no trace") {
  weft::run([] {
    for (const auto k : kinds) {
      if (k == kind::thread) continue;
      CAPTURE(name_of(k));
      weft::latch latch(2);
      std::atomic<int> passed{0};
      company all;
      all.start(
          k,
          [&] {
            latch.arrive_and_wait();
            ++passed;
          },
          [&]() -> task<> {
            co_await latch.async_arrive_and_wait();
            ++passed;
          });
      all.start(
          k,
          [&] {
            latch.wait();
            ++passed;
          },
          [&]() -> task<> {
            co_await latch.async_wait();
            ++passed;
          });
      await_waiters(latch, 2);
      all.cancel();
      all.join();
      CHECK(passed == 0);
      CHECK(waiters_of(latch) == 0);
      CHECK(!latch.wait_for(1ms));
      latch.count_down();
      CHECK(!latch.try_wait());
      latch.count_down();
      CHECK(latch.try_wait());
    }
  });
}

TEST_CASE("an arrival at a latch is withdrawn or it opens it, in any order") {
  simulate(
      [] {
        weft::latch latch(2);
        int passed = 0;
        std::vector<weft::fiber<void>> all;
        for (int i = 0; i < 2; ++i)
          all.push_back(weft::spawn([&, i] {
            weft::this_fiber::sleep_for(std::chrono::milliseconds(i));
            latch.arrive_and_wait();
            ++passed;
          }));
        auto canceller = weft::spawn([&] {
          weft::this_fiber::sleep_for(1ms);
          all[0].cancel();
        });
        canceller.join();
        weft::this_fiber::sleep_for(1s);
        CHECK((passed == 0 || passed == 2));
        CHECK(latch.try_wait() == (passed == 2));
        for (auto& f : all) f = {};
      },
      100);
}

TEST_CASE("misuse of a latch is refused and changes nothing") {
  const auto wrong = [](const char* what, auto f) { return refuses(std::errc::invalid_argument, what, f); };
  CHECK(wrong("negative", [] { return weft::latch(-1), 0; }));
  CHECK(wrong("beyond max()", [] { return weft::latch(weft::latch::max() + 1), 0; }));
  weft::latch latch(1);
  CHECK(wrong("below zero", [&] { return latch.count_down(2), 0; }));
  CHECK(wrong("below zero", [&] { return latch.count_down(-1), 0; }));
  CHECK(wrong("below zero", [&] { return latch.arrive_and_wait(2), 0; }));
  CHECK(wrong("below zero", [&] { return latch.arrive_and_wait(-1), 0; }));
  CHECK(!latch.try_wait());
  latch.arrive_and_wait();
  CHECK(wrong("below zero", [&] { return latch.count_down(), 0; }));
  weft::latch(0).wait();
}

TEST_CASE("who was let through by a latch may destroy it") {
  for (std::size_t round = scaled(2'000, 200); round > 0; --round) {
    auto latch = std::make_unique<weft::latch>(1);
    std::thread other([one = latch.get()] { one->count_down(); });
    latch->wait();
    latch.reset();
    other.join();
  }
}

TEST_CASE("planted: a latch is destroyed while somebody waits" * doctest::skip()) {
  weft::run([] {
    auto latch = std::make_unique<weft::latch>(1);
    auto f = weft::spawn([&] { latch->wait(); });
    await_waiters(*latch, 1);
    latch.reset();
  });
}

TEST_CASE("destroying a latch that is waited for ends the process and says so") {
  const auto end = weft::test::run_alone("planted: a latch is destroyed while somebody waits");
  CHECK(end.signal == SIGABRT);
  CHECK(end.said_this("a latch was destroyed while somebody waits for it"));
}

TEST_CASE("who only waits needs no more than a const latch or barrier, as std's") {
  weft::latch open(0);
  const weft::latch& seen = open;
  seen.wait();
  CHECK(seen.wait_until(0s));
  weft::barrier alone(1);
  auto phase = alone.arrive();
  std::as_const(alone).wait(std::move(phase));
}
