// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>
#include <weft/weft.hpp>

#include "support/alone.hpp"
#include "support/refusal.hpp"
#include "support/simulated.hpp"
#include "sync/company.hpp"

using namespace std::chrono_literals;
using weft::test::await_waiters;
using weft::test::refuses;
using weft::test::simulate;

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
