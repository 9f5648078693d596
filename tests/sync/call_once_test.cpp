// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <utility>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/refusal.hpp"
#include "support/scale.hpp"
#include "support/simulated.hpp"
#include "sync/company.hpp"

using namespace std::chrono_literals;
using weft::stackless::task;
using weft::test::company;
using weft::test::kinds;
using weft::test::refuses;
using weft::test::scaled;

TEST_CASE("call_once runs its function once, and all others of any kind wait for it") {
  weft::run([] {
    for (std::size_t round = scaled(200, 20); round > 0; --round) {
      weft::once_flag flag;
      int calls = 0, result = 0;
      std::atomic<int> wrong{0};
      const auto make = [&] {
        ++calls;
        weft::this_fiber::yield();
        result = 42;
      };
      const auto make_as_task = [&]() -> task<> {
        ++calls;
        co_await weft::stackless::yield();
        result = 42;
      };
      company all;
      for (int twice = 0; twice < 2; ++twice)
        for (const auto k : kinds)
          all.start(
              k,
              [&] {
                weft::call_once(flag, make);
                wrong += result != 42;
              },
              [&, twice]() -> task<> {
                if (twice)
                  co_await weft::async_call_once(flag, make_as_task);
                else
                  co_await weft::async_call_once(flag, [&] { ++calls, result = 42; });
                wrong += result != 42;
              });
      all.join();
      CHECK(wrong == 0);
      CHECK(calls == 1);
    }
  });
}

TEST_CASE("a function that throws has not been called: the next one who waits tries anew") {
  weft::run([] {
    weft::once_flag flag;
    std::atomic<int> calls{0}, failed{0}, passed{0};
    const auto third_succeeds = [&] {
      const int call = ++calls;
      weft::this_fiber::yield();
      if (call < 3) throw std::runtime_error("not yet");
    };
    const auto blocking = [&] {
      try {
        weft::call_once(flag, third_succeeds);
        ++passed;
      } catch (const std::runtime_error&) {
        ++failed;
      }
    };
    const auto async = [&]() -> task<> {
      try {
        co_await weft::async_call_once(flag, third_succeeds);
        ++passed;
      } catch (const std::runtime_error&) {
        ++failed;
      }
    };
    company all;
    for (const auto k : kinds) all.start(k, blocking, async);
    all.join();
    CHECK(calls == 3);
    CHECK(failed == 2);
    CHECK(passed == int(std::size(kinds)) - 2);
  });
}

TEST_CASE("call_once takes arguments as std's does, and refuses to wait for itself") {
  weft::once_flag flag;
  struct sum {
    int value = 0;
    void add(int a, std::unique_ptr<int> b) { value += a + *b; }
  } s;
  CHECK(refuses(std::errc::resource_deadlock_would_occur, "locked again",
                [&] { return weft::call_once(flag, [&] { weft::call_once(flag, [] {}); }), 0; }));
  weft::call_once(flag, &sum::add, &s, 1, std::make_unique<int>(2));
  weft::call_once(flag, &sum::add, &s, 10, std::make_unique<int>(20));
  CHECK(s.value == 3);
}

TEST_CASE("waiting for another's call_once is no cancellation point, its function is the caller's") {
  weft::test::simulate([] {
    weft::once_flag flag;
    int begun = 0;
    bool done = false, passed = false;
    auto first = weft::spawn([&] {
      weft::call_once(flag, [&] {
        ++begun;
        weft::this_fiber::sleep_for(1s);
        done = true;
      });
    });
    while (begun == 0) weft::this_fiber::yield();
    auto second = weft::spawn([&] {
      weft::call_once(flag, [&] { done = true; });
      passed = done;
    });
    weft::this_fiber::sleep_for(1ms);
    second.cancel();
    weft::this_fiber::sleep_for(1ms);
    CHECK(!passed);
    first.cancel();  // its sleep is cut short, so the second one runs its own
    second.join();
    CHECK(passed);
    CHECK(refuses(std::errc::operation_canceled, "cancelled", [&] { return first.join(), 0; }));
  });
}
