// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
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

TEST_CASE("a shared mutex has one writer or many readers, of any kind") {
  weft::run([] {
    weft::shared_mutex m;
    std::atomic<int> readers{0}, writers{0};
    std::atomic<long> wrong{0};
    const int rounds = int(scaled(3'000, 60));
    const auto read = [&] {
      if (writers != 0) ++wrong;
      ++readers;
    };
    const auto write = [&] {
      if (readers != 0 || ++writers != 1) ++wrong;
    };
    company all;
    for (const auto k : kinds)
      all.start(
          k,
          [&] {
            for (int i = 0; i < rounds; ++i) {
              if (i % 4 == 0) {
                const std::unique_lock lock(m);
                write();
                weft::this_fiber::yield();
                --writers;
              } else {
                const std::shared_lock lock(m);
                read();
                weft::this_fiber::yield();
                --readers;
              }
            }
          },
          [&]() -> task<> {
            for (int i = 0; i < rounds; ++i) {
              if (i % 4 == 0) {
                co_await m.async_lock();
                write();
                co_await weft::stackless::yield();
                --writers;
                m.unlock();
              } else {
                co_await m.async_lock_shared();
                read();
                co_await weft::stackless::yield();
                --readers;
                m.unlock_shared();
              }
            }
          });
    all.join();
    CHECK(wrong == 0);
    CHECK(waiters_of(m) == 0);
    {
      const std::shared_lock one(m);
      CHECK(weft::spawn([&m] { return std::shared_lock(m).owns_lock(); }).join());  // would wait for ever
    }
    CHECK(m.try_lock());
    m.unlock();
  });
}

TEST_CASE("a shared mutex serves those who came first, and whole rows of readers together") {
  simulate([] {
    weft::shared_mutex m;
    std::string order;
    std::vector<weft::fiber<void>> all;
    m.lock();
    std::size_t waiting = 0;
    for (const char who : std::string("rrwrwwrr")) {
      all.push_back(weft::spawn([&, who] {
        if (who == 'w') {
          const std::unique_lock lock(m);
          order += 'W';
          weft::this_fiber::sleep_for(1s);
        } else {
          const std::shared_lock lock(m);
          order += 'r';
          weft::this_fiber::sleep_for(1s);
        }
      }));
      await_waiters(m, ++waiting);
    }
    CHECK(!m.try_lock_shared());
    const auto begin = std::chrono::steady_clock::now();
    m.unlock();
    for (auto& f : all) f.join();
    CHECK(order == "rrWrWWrr");
    CHECK(std::chrono::steady_clock::now() - begin == 6s);  // the rows of readers took a second together
  });
}

TEST_CASE("readers that keep coming do not starve a writer, nor writers a reader") {
  simulate([] {
    weft::shared_mutex m;
    bool written = false, read = false;
    int readers_before = 0;
    std::vector<weft::fiber<void>> all;
    // Two readers that overlap for ever, if they may.
    for (int i = 0; i < 2; ++i)
      all.push_back(weft::spawn([&, i] {
        weft::this_fiber::sleep_for(std::chrono::milliseconds(i));
        for (int round = 0; round < 100 && !written; ++round) {
          const std::shared_lock lock(m);
          if (!written) ++readers_before;
          weft::this_fiber::sleep_for(2ms);
        }
      }));
    all.push_back(weft::spawn([&] {
      weft::this_fiber::sleep_for(5ms);
      const std::unique_lock lock(m);
      written = true;
    }));
    for (auto& f : all) f.join();
    CHECK(readers_before < 12);

    all.clear();
    int writers_before = 0;
    for (int i = 0; i < 2; ++i)
      all.push_back(weft::spawn([&] {
        for (int round = 0; round < 100 && !read; ++round) {
          const std::unique_lock lock(m);
          if (!read) ++writers_before;
          weft::this_fiber::sleep_for(1ms);
        }
      }));
    all.push_back(weft::spawn([&] {
      weft::this_fiber::sleep_for(5ms);
      const std::shared_lock lock(m);
      read = true;
    }));
    for (auto& f : all) f.join();
    CHECK(writers_before < 12);
  });
}

TEST_CASE("a writer that gives up lets on the readers behind him") {
  simulate([] {
    weft::shared_mutex m;
    m.lock_shared();
    auto writer = weft::spawn([&] { CHECK(!m.try_lock_for(1s)); });
    await_waiters(m, 1);
    auto reader = weft::spawn([&] {
      const auto begin = std::chrono::steady_clock::now();
      m.lock_shared();
      CHECK(std::chrono::steady_clock::now() - begin <= 1s);
      m.unlock_shared();
    });
    await_waiters(m, 2);
    reader.join();
    writer.join();
    m.unlock_shared();
    CHECK(m.try_lock());
    m.unlock();
  });
}

TEST_CASE("a shared mutex says who misuses it") {
  weft::run([] {
    weft::shared_mutex m;
    const auto stranger = [&](auto f) { return refuses(std::errc::operation_not_permitted, "unlocked by", f); };
    CHECK(stranger([&] { return m.unlock(), 0; }));
    CHECK(stranger([&] { return m.unlock_shared(), 0; }));
    for (const auto k : kinds) {
      CAPTURE(name_of(k));
      company one;
      one.start(
          k,
          [&] {
            const auto deadlock = [&](auto f) {
              return refuses(std::errc::resource_deadlock_would_occur, "locked again", f);
            };
            m.lock();
            CHECK(deadlock([&] { return m.lock(), 0; }));
            CHECK(deadlock([&] { return m.lock_shared(), 0; }));
            CHECK(stranger([&] { return m.unlock_shared(), 0; }));
            m.unlock();
          },
          [&]() -> task<> {
            co_await m.async_lock();
            int refused = 0;
            try {
              co_await m.async_lock();
            } catch (const std::system_error& e) {
              refused += e.code() == std::errc::resource_deadlock_would_occur;
            }
            try {
              co_await m.async_lock_shared();
            } catch (const std::system_error& e) {
              refused += e.code() == std::errc::resource_deadlock_would_occur;
            }
            CHECK(refused == 2);
            m.unlock();
          });
      one.join();
      m.lock();
      one.start(
          k, [&] { CHECK(stranger([&] { return m.unlock(), 0; })); },
          [&]() -> task<> {
            CHECK(stranger([&] { return m.unlock(), 0; }));
            co_return;
          });
      one.join();
      m.unlock();
      m.lock_shared();
      CHECK(stranger([&] { return m.unlock(), 0; }));
      m.unlock_shared();
    }
  });
}

TEST_CASE("random readers and writers with deadlines lose no wake, in any order") {
  simulate(
      [] {
        weft::shared_mutex m;
        int readers = 0, writers = 0, done = 0;
        std::vector<weft::fiber<void>> all;
        for (int i = 0; i < 8; ++i) {
          all.push_back(weft::spawn([&, i] {
            for (int round = 0; round < 8; ++round, ++done) {
              const auto limit = std::chrono::milliseconds((i * 5 + round) % 6);
              if ((i + round) % 3 == 0) {
                if (round % 2 ? !m.try_lock_for(limit) : (m.lock(), false)) continue;
                CHECK(++writers == 1);
                CHECK(readers == 0);
                weft::this_fiber::sleep_for(1ms);
                --writers;
                m.unlock();
              } else {
                if (round % 2 ? !m.try_lock_shared_for(limit) : (m.lock_shared(), false)) continue;
                ++readers;
                CHECK(writers == 0);
                weft::this_fiber::sleep_for(1ms);
                --readers;
                m.unlock_shared();
              }
            }
          }));
        }
        for (auto& f : all) f.join();
        CHECK(done == 64);
        CHECK(waiters_of(m) == 0);
        CHECK(m.try_lock());
        m.unlock();
      },
      200);
}

TEST_CASE("planted: a shared mutex is destroyed while somebody waits" * doctest::skip()) {
  weft::run([] {
    auto m = std::make_unique<weft::shared_mutex>();
    m->lock();
    auto f = weft::spawn([&] { m->lock_shared(); });
    await_waiters(*m, 1);
    m.reset();
  });
}

TEST_CASE("destroying a shared mutex that is waited for ends the process and says so") {
  const auto end = weft::test::run_alone("planted: a shared mutex is destroyed while somebody waits");
  CHECK(end.signal == SIGABRT);
  CHECK(end.said_this("a shared_mutex was destroyed while somebody waits for it"));
}
