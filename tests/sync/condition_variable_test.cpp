// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
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

TEST_CASE("a bounded queue of a mutex and two condition variables loses nothing between any kinds") {
  weft::run([] {
    weft::mutex m;
    weft::condition_variable not_full, not_empty;
    std::deque<int> queue;
    long sent = 0, received = 0;
    const int each = int(scaled(4'000, 100));
    company all;
    for (const auto k : kinds) {
      all.start(
          k,
          [&] {
            for (int i = 1; i <= each; ++i) {
              std::unique_lock lock(m);
              not_full.wait(lock, [&] { return queue.size() < 3; });
              queue.push_back(i);
              sent += i;
              not_empty.notify_one();
            }
          },
          [&]() -> task<> {
            for (int i = 1; i <= each; ++i) {
              co_await m.async_lock();
              std::unique_lock lock(m, std::adopt_lock);
              co_await not_full.async_wait(lock, [&] { return queue.size() < 3; });
              queue.push_back(i);
              sent += i;
              not_empty.notify_one();
            }
          });
      all.start(
          k,
          [&] {
            for (int i = 1; i <= each; ++i) {
              std::unique_lock lock(m);
              not_empty.wait(lock, [&] { return !queue.empty(); });
              received += queue.front();
              queue.pop_front();
              not_full.notify_one();
            }
          },
          [&]() -> task<> {
            for (int i = 1; i <= each; ++i) {
              co_await m.async_lock();
              std::unique_lock lock(m, std::adopt_lock);
              while (queue.empty()) co_await not_empty.async_wait(lock);
              CHECK(m.is_mine());
              received += queue.front();
              queue.pop_front();
              not_full.notify_one();
            }
          });
    }
    all.join();
    CHECK(sent == received);
    CHECK(sent == std::ssize(kinds) * (long(each) * (each + 1) / 2));
    CHECK(queue.empty());
    CHECK(waiters_of(not_full) + waiters_of(not_empty) + waiters_of(m) == 0);
  });
}

TEST_CASE("notify_one wakes who came first, notify_all everybody, and nobody is woken otherwise") {
  simulate([] {
    weft::mutex m;
    weft::condition_variable c;
    int woken = 0;
    std::vector<weft::fiber<void>> all;
    for (int i = 0; i < 5; ++i) {
      all.push_back(weft::spawn([&] {
        std::unique_lock lock(m);
        c.wait(lock);
        CHECK(lock.owns_lock());
        CHECK(m.is_mine());
        ++woken;
      }));
      await_waiters(c, std::size_t(i) + 1);
    }
    c.notify_one();
    CHECK(waiters_of(c) == 4);
    all[0].join();
    CHECK(woken == 1);
    for (int i = 0; i < 20; ++i) weft::this_fiber::yield();
    CHECK(woken == 1);
    c.notify_all();
    for (std::size_t i = 1; i < 5; ++i) all[i].join();
    CHECK(woken == 5);
    c.notify_one();  // to nobody: it is not kept
    std::unique_lock lock(m);
    CHECK(c.wait_for(lock, 1s) == std::cv_status::timeout);
  });
}

TEST_CASE("a timed wait for a condition locks again, and the predicate has the last word") {
  simulate([] {
    weft::mutex m;
    weft::condition_variable c;
    std::unique_lock lock(m);
    const auto begin = std::chrono::steady_clock::now();
    CHECK(c.wait_for(lock, 1s) == std::cv_status::timeout);
    CHECK(c.wait_until(lock, begin + 2s) == std::cv_status::timeout);
    CHECK(std::chrono::steady_clock::now() == begin + 2s);
    CHECK(c.wait_until(lock, weft::deadline(-1s)) == std::cv_status::timeout);
    int asked = 0;
    CHECK(c.wait_for(lock, 1s, [&] { return ++asked > 1; }));
    CHECK(!c.wait_for(lock, 1s, [] { return false; }));
    CHECK(c.wait_until(lock, weft::deadline(-1s), [] { return true; }));
    CHECK(m.is_mine());
    CHECK(waiters_of(c) == 0);
  });
}

TEST_CASE("a cancelled wait for a condition locks again before it throws") {
  weft::run([] {
    for (const auto k : kinds) {
      if (k == kind::thread) continue;
      CAPTURE(name_of(k));
      weft::mutex m;
      weft::condition_variable c;
      std::atomic<int> cancelled{0};
      const auto check = [&](std::unique_lock<weft::mutex>& lock) {
        CHECK(lock.owns_lock());
        CHECK(m.is_mine());
        ++cancelled;
      };
      company one;
      one.start(
          k,
          [&] {
            std::unique_lock lock(m);
            try {
              c.wait(lock);
            } catch (const weft::cancelled&) {
              check(lock);
            }
            try {  // and again, with the cancellation there before
              c.wait(lock);
            } catch (const weft::cancelled&) {
              check(lock);
            }
          },
          [&]() -> task<> {
            co_await m.async_lock();
            std::unique_lock lock(m, std::adopt_lock);
            try {
              co_await c.async_wait(lock);
            } catch (const weft::cancelled&) {
              check(lock);
            }
            ++cancelled;  // it is delivered once to a task
          });
      await_waiters(c, 1);
      m.lock();
      one.cancel();
      await_waiters(m, 1);
      CHECK(cancelled == 0);  // it waits for the mutex now
      m.unlock();
      one.join();
      CHECK(cancelled == 2);
      CHECK(waiters_of(c) == 0);
      CHECK(m.try_lock());
      m.unlock();
    }
  });
}

TEST_CASE("no notification is lost with a waiter that is cancelled or late") {
  simulate(
      [] {
        weft::mutex m;
        weft::condition_variable c;
        int tokens = 0, taken = 0, given = 0;
        std::vector<weft::fiber<void>> all;
        for (int i = 0; i < 6; ++i) {
          all.push_back(weft::spawn([&, i] {
            std::unique_lock lock(m);
            try {
              for (int round = 0; round < 3; ++round) {
                // One token, one notification: who is notified finds one, or somebody was faster and has left his.
                if (i % 2) {
                  if (!c.wait_for(lock, std::chrono::milliseconds(i), [&] { return tokens > 0; })) continue;
                } else {
                  c.wait(lock, [&] { return tokens > 0; });
                }
                --tokens;
                ++taken;
              }
            } catch (const weft::cancelled&) {
              CHECK(lock.owns_lock());
              if (tokens > 0) c.notify_one();
            }
          }));
        }
        auto giver = weft::spawn([&] {
          for (int i = 0; i < 12; ++i) {
            weft::this_fiber::sleep_for(std::chrono::microseconds(700));
            const std::lock_guard guard(m);
            ++tokens;
            ++given;
            c.notify_one();
          }
        });
        weft::this_fiber::sleep_for(3ms);
        all[0].cancel();
        all[2].cancel();
        giver.join();
        weft::this_fiber::sleep_for(1s);
        {
          const std::lock_guard guard(m);
          CHECK(taken + tokens == given);
          CHECK((tokens == 0 || waiters_of(c) == 0));
        }
        for (auto& f : all) f.cancel();
        for (auto& f : all) (void)f.join_until(weft::never);
        CHECK(waiters_of(c) == 0);
      },
      200);
}

TEST_CASE("waiting with a lock that is not held is refused") {
  weft::run([] {
    weft::mutex m;
    weft::condition_variable c;
    const auto refused = [](auto f) { return refuses(std::errc::operation_not_permitted, "is not held", f); };
    std::unique_lock lock(m, std::defer_lock);
    CHECK(refused([&] { return c.wait(lock), 0; }));
    CHECK(refused([&] { return (void)c.async_wait(lock), 0; }));
    std::unique_lock<weft::mutex> none;
    CHECK(refused([&] { return c.wait_for(none, 1s); }));
    lock.lock();
    weft::spawn([&] { CHECK(refused([&] { return c.wait(lock), 0; })); }).join();  // another's
    CHECK(waiters_of(c) == 0);
  });
}

TEST_CASE("two workers hand a condition to each other many times") {
  weft::run([] {
    weft::mutex m;
    weft::condition_variable c;
    int turn = 0;
    const int rounds = int(scaled(5'000, 200));
    company both;
    for (const int me : {0, 1})
      both.start(me ? kind::fiber : kind::other_worker,
                 [&, me] {
                   for (int i = 0; i < rounds; ++i) {
                     std::unique_lock lock(m);
                     c.wait(lock, [&] { return turn % 2 == me; });
                     ++turn;
                     c.notify_one();
                   }
                 },
                 {});
    both.join();
    CHECK(turn == 2 * rounds);
  });
}

TEST_CASE("who was notified may destroy the condition variable") {
  weft::run([] {
    for (std::size_t round = scaled(500, 50); round > 0; --round) {
      weft::mutex m;
      auto c = std::make_unique<weft::condition_variable>();
      company notifier;
      {
        std::unique_lock lock(m);
        notifier.start(kind::thread,
                       [&, one = c.get()] {
                         const std::lock_guard guard(m);
                         one->notify_one();
                       },
                       {});
        c->wait(lock);
        c.reset();
      }
      notifier.join();
    }
  });
}

TEST_CASE("planted: a condition variable is destroyed while somebody waits" * doctest::skip()) {
  weft::run([] {
    weft::mutex m;
    auto c = std::make_unique<weft::condition_variable>();
    auto f = weft::spawn([&] {
      std::unique_lock lock(m);
      c->wait(lock);
    });
    await_waiters(*c, 1);
    c.reset();
  });
}

TEST_CASE("destroying a condition variable that is waited for ends the process and says so") {
  const auto end = weft::test::run_alone("planted: a condition variable is destroyed while somebody waits");
  CHECK(end.signal == SIGABRT);
  CHECK(end.said_this("a condition_variable was destroyed while somebody waits for it"));
}
