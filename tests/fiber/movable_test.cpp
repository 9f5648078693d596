// SPDX-License-Identifier: BSL-1.0
// Movable fibers, which any worker may resume after a park; and sticky ones, which stay.
#include <doctest/doctest.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <thread>
#include <vector>
#include <weft/weft.hpp>

#include "fiber/this_thread.hpp"
#include "fiber/waiting.hpp"
#include "sched/worker.hpp"
#include "support/alone.hpp"
#include "support/scale.hpp"

using namespace std::chrono_literals;
using weft::test::run_alone;
using weft::test::scaled;
using weft::test::this_thread_now;

namespace {

// Out of line, so that no address of a thread-local is kept across a park.
[[gnu::noinline]] void set_errno(int value) {
  asm volatile("" ::: "memory");
  errno = value;
}
[[gnu::noinline]] int get_errno() {
  asm volatile("" ::: "memory");
  return errno;
}

// Parks `times` times; how often it came back on another thread.
std::size_t migrations(std::size_t times) {
  std::size_t moved = 0;
  for (std::size_t i = 0; i < times; ++i) {
    const pthread_t before = this_thread_now();
    weft::this_fiber::sleep_for(-1ns);
    if (!pthread_equal(before, this_thread_now())) ++moved;
  }
  return moved;
}

// Work whose result shows whether locals, exceptions and scopes survive parks.
std::size_t work(std::size_t rounds) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < rounds; ++i) {
    try {
      throw i;
    } catch (std::size_t caught) {
      weft::this_fiber::sleep_for(-1ns);
      try {
        throw;
      } catch (std::size_t again) {
        if (again == caught) sum += i;
      }
    }
    weft::this_fiber::yield();
    weft::with_scope([&](weft::scope& s) {
      s.spawn([&sum] {
        weft::this_fiber::sleep_for(-1ns);
        ++sum;
      });
    });
    if (!weft::try_for(-1s, [] { weft::this_fiber::sleep_for(1s); })) ++sum;
  }
  return sum;
}

}  // namespace

TEST_CASE("alone: movable fibers park" * doctest::skip()) {
  weft::run(
      [] {
        const std::size_t rounds = scaled(200, 20);
        CHECK(weft::spawn([rounds] { return migrations(rounds); }).join() == rounds);
        CHECK(weft::spawn({.movable = false}, [rounds] { return migrations(rounds); }).join() == 0);
        std::vector<weft::fiber<std::size_t>> all;
        for (int i = 0; i < 20; ++i) all.push_back(weft::spawn([rounds] { return work(rounds / 10); }));
        const std::size_t n = rounds / 10, expected = n * (n - 1) / 2 + 2 * n;
        for (auto& f : all) CHECK(f.join() == expected);
        // Cancelled wherever they are.
        std::vector<weft::fiber<>> endless;
        for (int i = 0; i < 20; ++i) {
          endless.push_back(weft::spawn([] {
            for (;;) (void)migrations(10);
          }));
        }
        weft::this_fiber::sleep_for(1ms);
      },
      {.workers = 3, .movable = true});
}

TEST_CASE("with migrate=always every park of a movable fiber ends on another worker") {
  const auto end = run_alone("alone: movable fibers park", {"WEFT_DEBUG=migrate=always"});
  CHECK(end.status == 0);
  CHECK(end.signal == 0);
  if (end.status != 0) std::fputs(end.said.c_str(), stderr);
}

TEST_CASE("movable fibers give the right results whether or not they move") {
  weft::run(
      [] {
        const std::size_t n = scaled(100, 10);
        std::vector<weft::fiber<std::size_t>> all;
        for (int i = 0; i < 30; ++i) all.push_back(weft::spawn([n] { return work(n); }));
        for (auto& f : all) CHECK(f.join() == n * (n - 1) / 2 + 2 * n);
      },
      {.workers = 4, .movable = true});
}

TEST_CASE("what a movable fiber handled when it parked is gone when it parks again") {
  weft::run(
      [] {
        try {
          throw 1;
        } catch (int) {
          weft::this_fiber::sleep_for(-1ns);
        }
        weft::this_fiber::sleep_for(-1ns);
        CHECK(!std::current_exception());
      },
      {.movable = true});
}

TEST_CASE("a movable fiber that is woken by another runtime goes on in its own") {
  weft::runtime own({.workers = 1, .movable = true}), other({.workers = 1});
  auto f = own.spawn([&own] {
    try {
      weft::this_fiber::sleep_until(weft::never);
    } catch (const weft::cancelled&) {
      CHECK(&weft::this_runtime() == &own);
    }
  });
  while (own.stats().parked != 1) std::this_thread::yield();
  other.spawn([&f] { f.cancel(); }).join();
  f.join();
}

TEST_CASE("what a worker runs on its own stack is not the movable fiber that has just parked there") {
  struct on_the_ground : weft::detail::runnable {
    on_the_ground()
        : runnable([](runnable& r) noexcept {
            static_cast<on_the_ground&>(r).where = weft::detail::current_fiber() ? on_a_fiber : off_fibers;
          }) {}
    enum { nowhere, on_a_fiber, off_fibers } where = nowhere;
  };
  weft::run(
      [] {
        on_the_ground one;
        weft::detail::current_worker()->push_ready(one);
        weft::this_fiber::sleep_for(-1ns);
        CHECK(one.where == on_the_ground::off_fibers);
      },
      {.workers = 1, .movable = true});
}

TEST_CASE("movable fibers with plain threads that wake and cancel them") {
  weft::runtime r({.workers = 3, .movable = true});
  for (std::size_t i = 0; i < scaled(500); ++i) {
    auto f = r.spawn([] { weft::this_fiber::sleep_until(weft::never); });
    auto joiner = r.spawn([&f] { f.join(); });
    f.cancel();
    CHECK_THROWS_AS(joiner.join(), std::system_error);
  }
}

TEST_CASE("a sticky fiber keeps its thread, and its errno through yields and sleeps of its own") {
  weft::run(
      [] {
        std::vector<weft::fiber<bool>> all;
        for (int i = 0; i < 30; ++i) {
          all.push_back(weft::spawn([] {
            const pthread_t home = this_thread_now();
            for (int k = 0; k < 50; ++k) {
              if (k % 3)
                weft::this_fiber::yield();
              else
                weft::this_fiber::sleep_for(-1ns);
              weft::spawn([] { weft::this_fiber::yield(); }).join();
              if (!pthread_equal(home, this_thread_now())) return false;
              set_errno(1000 + k);
              if (get_errno() != 1000 + k) return false;
            }
            return true;
          }));
        }
        for (auto& f : all) CHECK(f.join());
      },
      {.workers = 4});
}

TEST_CASE("a fiber that has not started may be stolen from a worker that is held") {
  weft::run(
      [] {
        // The first takes the caller's worker for itself; another worker must come for the rest.
        std::atomic<int> ran{0};
        for (int i = 0; i < 10; ++i) weft::go([&ran] { ++ran; });
        while (ran != 10) {
        }
        CHECK(weft::stats().steals > 0);
      },
      {.workers = 2});
}
