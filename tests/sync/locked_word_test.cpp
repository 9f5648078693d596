// SPDX-License-Identifier: BSL-1.0
// What is asked while somebody has the lock of a primitive, and is decided behind him.
#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <system_error>
#include <thread>
#include <weft/weft.hpp>

#include "support/litmus.hpp"
#include "sync/company.hpp"

namespace {

// Long enough, as a rule, for one who has begun to come to the lock.
void let_come(const std::atomic<int>& begun, int count) {
  weft::test::spin_until([&] { return begun == count; });
  for (int spins = 0; spins < 300; ++spins) weft::detail::relax(0);
}

}  // namespace

TEST_CASE("of two who find a semaphore with one permit locked, one gets it") {
  for (int round = 0; round < 30; ++round) {
    weft::semaphore one_permit(1);
    auto& lot = weft::detail::lot_access::of(one_permit);
    const auto before = lot.lock();
    std::atomic<int> begun{0}, got{0};
    const auto take = [&] {
      ++begun;
      if (one_permit.try_acquire()) ++got;
    };
    std::thread one(take), other(take);
    let_come(begun, 2);
    lot.unlock(before);
    one.join();
    other.join();
    CHECK(got == 1);
    CHECK(one_permit.available() == 0);
  }
}

TEST_CASE("a reader who finds a shared mutex locked in both ways does not get it") {
  for (int round = 0; round < 30; ++round) {
    weft::shared_mutex m;
    m.lock();
    auto& lot = weft::detail::lot_access::of(m);
    const auto before = lot.lock();
    std::atomic<int> begun{0}, got{0};
    std::thread reader([&] {
      ++begun;
      if (m.try_lock_shared()) ++got;
    });
    let_come(begun, 1);
    lot.unlock(before);
    reader.join();
    CHECK(got == 0);
    m.unlock();
  }
}

TEST_CASE("of two who find a promise locked and set it, one is refused") {
  for (int round = 0; round < 30; ++round) {
    weft::promise<int> p;
    auto f = p.get_future();
    auto& lot = weft::detail::future_access::end_of(f).lot();
    const auto before = lot.lock();
    std::atomic<int> begun{0}, refused{0};
    const auto set = [&] {
      ++begun;
      try {
        p.set_value(1);
      } catch (const std::future_error&) {
        ++refused;
      }
    };
    std::thread one(set), other(set);
    let_come(begun, 2);
    lot.unlock(before);
    one.join();
    other.join();
    CHECK(refused == 1);
    CHECK(f.get() == 1);
  }
}

TEST_CASE("a fiber that is cancelled between its look at a channel and its wait lets the channel go") {
  weft::runtime elsewhere({.workers = 1});
  for (int round = 0; round < 30; ++round) {
    weft::channel<int> c;
    auto& core = weft::detail::channel_access::core(c);
    const auto is_cancelled = [&](auto&& what) {
      std::atomic<int> begun{0};
      core.lock();
      auto fiber = elsewhere.spawn([&] {
        ++begun;
        what();
      });
      let_come(begun, 1);
      fiber.cancel();
      core.unlock();
      CHECK_THROWS_AS(fiber.join(), std::system_error);
      CHECK(!core.is_waited_for());
    };
    is_cancelled([&] { (void)c.receive(); });
    is_cancelled([&] { c.send(1); });
  }
}
