// SPDX-License-Identifier: BSL-1.0
// Condition variables that go while those whose wait was cut short are on their way out.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstring>
#include <iterator>
#include <memory>
#include <mutex>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/scale.hpp"
#include "support/simulated.hpp"
#include "sync/company.hpp"

using namespace std::chrono_literals;
using weft::stackless::task;
using weft::test::await_waiters;
using weft::test::scaled;
using weft::test::simulate;
using weft::test::waiters_of;

namespace {

// A condition variable in memory that is looked after when that has gone.
template <class Condition> class vanishing {
 public:
  Condition& operator*() noexcept { return *there_; }
  void vanish() noexcept {
    std::destroy_at(there_);
    std::memset(room_, 0xf0, sizeof room_);
  }
  [[nodiscard]] bool was_left_alone() const noexcept {
    return std::all_of(std::begin(room_), std::end(room_), [](unsigned char c) { return c == 0xf0; });
  }

 private:
  alignas(Condition) unsigned char room_[sizeof(Condition)];
  Condition* there_ = std::construct_at(reinterpret_cast<Condition*>(room_));
};

}  // namespace

TEST_CASE("a condition variable may go when all were notified, also who was cancelled and has not run since") {
  const auto with = [](auto which) {
    vanishing<decltype(which)> c;
    weft::mutex m;
    auto fiber = weft::spawn([&] {
      std::unique_lock lock(m);
      CHECK_THROWS_AS((*c).wait(lock), weft::cancelled);
      CHECK(m.is_mine());
    });
    auto task_of_it = [](auto& on, weft::mutex& mine) -> task<> {
      co_await mine.async_lock();
      std::unique_lock lock(mine, std::adopt_lock);
      try {
        if constexpr (std::same_as<decltype(which), weft::condition_variable>)
          co_await on.async_wait(lock);
        else
          co_await on.async_wait(mine);
      } catch (const weft::cancelled&) {
      }
      CHECK(mine.is_mine());
    };
    auto a_task = weft::stackless::create_task(task_of_it(*c, m));
    await_waiters(*c, 2);
    fiber.cancel();
    a_task.cancel();
    (*c).notify_all();
    c.vanish();
    fiber.join();
    while (!a_task.done()) weft::this_fiber::yield();
    CHECK(c.was_left_alone());
  };
  simulate([&] {
    with(weft::condition_variable());
    with(weft::condition_variable_any());
  });
}

TEST_CASE("a condition variable may go when all were notified, also who is too late") {
  std::size_t notified = 0, late = 0;
  simulate([&] {
    vanishing<weft::condition_variable> c;
    weft::mutex m;
    const weft::deadline when(1s);
    auto waits = weft::spawn([&] {
      std::unique_lock lock(m);
      (void)(*c).wait_until(lock, when);
    });
    auto notifies = weft::spawn([&] {
      weft::this_fiber::sleep_until(when);
      const std::lock_guard lock(m);
      ++(waiters_of(*c) ? notified : late);
      (*c).notify_all();
      c.vanish();
    });
    waits.join();
    notifies.join();
    CHECK(c.was_left_alone());
  });
  CHECK(notified > 0);
}

TEST_CASE("a condition variable goes at the moment when its waiter's time is over, elsewhere") {
  weft::run(
      [] {
        for (std::size_t round = scaled(2'000, 100); round > 0; --round) {
          weft::mutex m;
          auto c = std::make_unique<weft::condition_variable>();
          const weft::deadline when(std::chrono::microseconds(round % 64));
          auto waits = weft::spawn({.worker = 0}, [&] {
            std::unique_lock lock(m);
            if (c) (void)c->wait_until(lock, when);
          });
          auto notifies = weft::spawn({.worker = 1}, [&] {
            while (!when.passed()) {
            }
            const std::lock_guard lock(m);
            c->notify_all();
            c.reset();
          });
          waits.join();
          notifies.join();
        }
      },
      {.workers = 2});
}
