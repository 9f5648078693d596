// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <concepts>
#include <mutex>
#include <utility>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/refusal.hpp"
#include "sync/company.hpp"

using namespace std::chrono_literals;
using weft::stackless::task;
using weft::test::company;
using weft::test::kind;
using weft::test::kinds;
using weft::test::refuses;
using weft::test::waiters_of;

// wait_for(), gather() and create_task() make tasks of what they are given, which would hold the lock.
static_assert(!std::move_constructible<decltype(std::declval<weft::recursive_mutex&>().async_lock())>);
static_assert(
    !std::move_constructible<decltype(std::declval<weft::recursive_mutex&>().async_try_lock_until(weft::never))>);

TEST_CASE("a recursive mutex is its holder's until it was unlocked as often") {
  weft::run([] {
    for (const auto k : kinds) {
      CAPTURE(name_of(k));
      weft::recursive_mutex m;
      company one, other;
      std::atomic<int> depth{0};
      std::atomic<bool> tried{false};
      one.start(
          k,
          [&] {
            const std::lock_guard first(m);
            const std::unique_lock second(m, 1s);
            CHECK(second.owns_lock());
            CHECK(m.try_lock());
            depth = 3;
            while (!tried || waiters_of(m) == 0) weft::this_fiber::yield();
            m.unlock();
            depth = 0;
          },
          [&]() -> task<> {
            co_await m.async_lock();
            CHECK(co_await m.async_try_lock_until(1s));
            CHECK(m.try_lock());
            depth = 3;
            while (!tried || waiters_of(m) == 0) co_await weft::stackless::yield();
            m.unlock();
            m.unlock();
            depth = 0;
            m.unlock();
          });
      while (depth != 3) weft::this_fiber::yield();
      other.start(
          kind::fiber,
          [&] {
            CHECK(!m.try_lock());
            CHECK(!m.try_lock_for(0s));
            CHECK(refuses(std::errc::operation_not_permitted, "does not hold it", [&] { return m.unlock(), 0; }));
            tried = true;
            m.lock();
            CHECK(depth == 0);
            m.unlock();
          },
          {});
      other.join();
      one.join();
    }
  });
}

TEST_CASE("a task that is not given a recursive mutex in time does not hold it") {
  weft::run([] {
    weft::recursive_mutex m;
    weft::spawn([&m] {
      const std::lock_guard guard(m);
      const auto tries = [](weft::recursive_mutex& what) -> task<bool> {
        co_return co_await what.async_try_lock_until(1ms);
      };
      CHECK_FALSE(weft::await(tries(m)));
    }).join();
    const auto locks = [](weft::recursive_mutex& what) -> task<> {
      CHECK(co_await what.async_try_lock_until(0s));
      co_await what.async_lock();
      what.unlock();
      what.unlock();
      CHECK(refuses(std::errc::operation_not_permitted, "does not hold it", [&] { return what.unlock(), 0; }));
    };
    weft::await(locks(m));
  });
}
