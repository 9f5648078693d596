// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/alone.hpp"
#include "support/refusal.hpp"
#include "support/simulated.hpp"
#include "sync/company.hpp"

using namespace std::chrono_literals;
using weft::test::await_waiters;
using weft::test::refuses;
using weft::test::simulate;
using weft::test::waiters_of;

TEST_CASE("any lock will do for a condition_variable_any") {
  simulate([] {
    weft::shared_mutex m;
    weft::recursive_mutex r;
    weft::condition_variable_any c;
    bool ready = false;
    int seen = 0;
    std::vector<weft::fiber<void>> all;
    for (int i = 0; i < 3; ++i)
      all.push_back(weft::spawn([&] {
        std::shared_lock lock(m);
        c.wait(lock, [&] { return ready; });
        CHECK(lock.owns_lock());
        ++seen;
      }));
    all.push_back(weft::spawn([&] {
      const std::unique_lock lock(r);
      c.wait(r, [&] { return ready; });
      ++seen;
    }));
    await_waiters(c, 4);
    {
      const std::unique_lock lock(m);
      const std::unique_lock other(r);
      ready = true;
    }
    c.notify_all();
    for (auto& f : all) f.join();
    CHECK(seen == 4);
    std::unique_lock lock(m);
    CHECK(c.wait_for(lock, 1s) == std::cv_status::timeout);
    auto late = weft::spawn([&] {
      std::unique_lock mine(r);
      try {
        c.wait(mine);
      } catch (const weft::cancelled&) {
        CHECK(mine.owns_lock());
        throw;
      }
    });
    await_waiters(c, 1);
    late.cancel();
    CHECK(refuses(std::errc::operation_canceled, "cancelled", [&] { return late.join(), 0; }));
  });
}

TEST_CASE("tasks wait at a condition_variable_any with any of weft's mutexes, and hold it afterwards however it ends") {
  namespace stackless = weft::stackless;
  using stackless::task;
  simulate([] {
    weft::shared_mutex m;
    weft::recursive_mutex r;
    weft::condition_variable_any c;
    bool ready = false;
    auto waits = [&](auto& lock) -> task<int> {
      co_await lock.async_lock();
      const auto is_ready = [&] { return ready; };
      co_await c.async_wait(lock, is_ready);
      lock.unlock();  // throws if it is not held
      co_return 1;
    };
    auto one = stackless::create_task(waits(m)), other = stackless::create_task(waits(r));
    await_waiters(c, 2);
    CHECK(m.try_lock());  // it is not held meanwhile
    ready = true;
    m.unlock();
    c.notify_all();
    CHECK(weft::await(one) + weft::await(other) == 2);
    auto times_out = [&]() -> task<bool> {
      co_await r.async_lock();
      const bool late = co_await c.async_wait_until(r, 1s) == std::cv_status::timeout;
      const auto no = [] { return false; };
      const bool never_true = co_await c.async_wait_until(r, 1s, no);
      r.unlock();
      co_return late && !never_true;
    };
    CHECK(weft::await(times_out()));
    bool relocked = false;
    auto is_cut = [&]() -> task<> {
      co_await r.async_lock();
      try {
        co_await c.async_wait(r);
      } catch (const weft::cancelled&) {
        r.unlock();
        relocked = true;
        throw;
      }
    };
    auto cut = stackless::create_task(is_cut());
    await_waiters(c, 1);
    cut.cancel();
    CHECK(refuses(std::errc::operation_canceled, "cancelled", [&] { return weft::await(cut), 0; }));
    CHECK(relocked);
  });
}

namespace {

// A lock as programs write them, a flag under a mutex: to give it back one waits for that.
class flag_lock {
 public:
  void lock() {
    std::unique_lock own(inside);
    freed_.wait(own, [&] { return !held_; });
    held_ = true;
  }
  void unlock() {
    const std::lock_guard own(inside);
    held_ = false;
    freed_.notify_one();
  }
  [[nodiscard]] bool is_held() const { return held_; }

  weft::mutex inside;

 private:
  weft::condition_variable freed_;
  bool held_ = false;
};

}  // namespace

TEST_CASE("a lock whose unlock waits, too, will do for a condition_variable_any") {
  simulate([] {
    flag_lock lock;
    weft::condition_variable_any c;
    weft::semaphore locked(0), go(0);
    int notified = 0, late = 0, cut = 0;
    const auto waits = [&](weft::deadline until) {
      return weft::spawn([&, until] {
        const std::unique_lock held(lock);
        locked.release();
        go.acquire();
        try {
          ++(c.wait_until(lock, until) == std::cv_status::timeout ? late : notified);
        } catch (const weft::cancelled&) {
          ++cut;
        }
        CHECK(lock.is_held());
      });
    };
    // `meanwhile` is done while that fiber waits in its unlock.
    const auto hold_up = [&](auto&& meanwhile) {
      locked.acquire();
      lock.inside.lock();
      go.release();
      await_waiters(lock.inside, 1);
      CHECK(waiters_of(c) == 1);
      meanwhile();
      lock.inside.unlock();
    };
    const auto let_be = [] {};

    auto one = waits(weft::never);
    hold_up(let_be);
    auto other = waits(weft::never);
    locked.acquire();
    go.release();
    await_waiters(c, 2);
    c.notify_one();
    one.join();
    CHECK(notified == 1);
    c.notify_one();
    other.join();
    CHECK(notified == 2);

    one = waits(weft::never);
    hold_up([&] { c.notify_one(); });
    one.join();
    CHECK(notified == 3);
    one = waits(weft::never);
    hold_up([&] {
      c.notify_one();
      one.cancel();
    });
    one.join();
    CHECK(notified == 4);
    one = waits(weft::never);
    hold_up([&] { one.cancel(); });
    one.join();
    CHECK(cut == 1);
    one = waits(1ms);
    hold_up([&] { weft::this_fiber::sleep_for(2ms); });
    one.join();
    CHECK(late == 1);
    one = waits(1ms);
    hold_up(let_be);
    one.join();
    CHECK(late == 2);
    CHECK(waiters_of(c) == 0);
  });
}

TEST_CASE("planted: a condition_variable_any is destroyed while somebody waits" * doctest::skip()) {
  weft::run([] {
    weft::mutex m;
    auto c = std::make_unique<weft::condition_variable_any>();
    auto f = weft::spawn([&] {
      std::unique_lock lock(m);
      c->wait(lock);
    });
    await_waiters(*c, 1);
    c.reset();
  });
}

TEST_CASE("destroying a condition_variable_any that is waited for ends the process and says so") {
  const auto end = weft::test::run_alone("planted: a condition_variable_any is destroyed while somebody waits");
  CHECK(end.signal == SIGABRT);
  CHECK(end.said_this("a condition_variable_any was destroyed while somebody waits for it"));
}
