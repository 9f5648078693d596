// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <mutex>
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
