// SPDX-License-Identifier: BSL-1.0
#include "support/simulated.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <random>
#include <set>
#include <string>
#include <vector>
#include <weft/stackless.hpp>

#include "support/scale.hpp"

using namespace std::chrono_literals;
using weft::test::scaled;
using weft::test::simulate;
using weft::test::simulation;
using clock_type = std::chrono::steady_clock;

namespace {

// The order in which three fibers take their turns.
std::string order_of(std::uint64_t seed) {
  std::string order;
  simulation one(seed);
  one.run([&] {
    weft::with_scope([&](weft::scope& s) {
      for (const char name : {'a', 'b', 'c'}) {
        s.spawn([&order, name] {
          for (int i = 0; i < 4; ++i) {
            order += name;
            weft::this_fiber::yield();
          }
        });
      }
    });
  });
  return order;
}

}  // namespace

TEST_CASE("the virtual clock jumps to the next timer when all fibers wait") {
  const auto real = clock_type::now();
  simulate([] {
    const auto begin = clock_type::now();
    weft::this_fiber::sleep_for(24h);
    CHECK(clock_type::now() - begin == 24h);
    weft::this_fiber::sleep_until(begin + 30h);
    CHECK(clock_type::now() - begin == 30h);
  });
  CHECK(clock_type::now() - real < 24h);
}

TEST_CASE("the virtual clock stands still while a fiber is ready") {
  simulate([] {
    const auto begin = clock_type::now();
    for (int i = 0; i < 500; ++i) weft::this_fiber::yield();
    CHECK(clock_type::now() == begin);
  });
}

TEST_CASE("sleepers wake in the order of their times, whatever the seed") {
  simulate([] {
    std::vector<int> order;
    weft::with_scope([&](weft::scope& s) {
      for (int i : {3, 1, 2, 5, 4}) {
        s.spawn([&order, i] {
          weft::this_fiber::sleep_for(i * 1h);
          order.push_back(i);
        });
      }
    });
    CHECK(order == std::vector{1, 2, 3, 4, 5});
  });
}

TEST_CASE("a million sleepers wake in the order of their times, none of them early") {
  const std::size_t count = scaled(weft::test::workers() == 4 ? 1'000'000 : 50'000);  // once is enough
  std::size_t woken = 0, early = 0, behind = 0;
  clock_type::time_point last;
  const auto sleep_until = [&](clock_type::time_point until) -> weft::stackless::task<> {
    co_await weft::stackless::sleep(until);
    early += clock_type::now() < until;
    behind += until < last;
    last = until;
    ++woken;
  };
  simulation one(1);
  one.run([&] {
    std::mt19937_64 random(1);
    const auto begin = clock_type::now();
    for (std::size_t i = 0; i < count; ++i) {
      weft::stackless::create_task(sleep_until(begin + 1s + std::chrono::nanoseconds(random() % 1'000'000'000'000)))
          .detach();
      weft::this_fiber::yield();  // a choice among many ready ones takes long
    }
    weft::this_fiber::sleep_until(begin + 1s + 1000s);
    CHECK(woken == count);
  });
  CHECK(early + behind == 0);
}

TEST_CASE("a seed replays the same order, and other seeds give others") {
  std::set<std::string> orders;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::string order = order_of(seed);
    CHECK(order.size() == 12);
    CHECK(order == order_of(seed));
    orders.insert(order);
  }
  CHECK(orders.size() > 10);
}

TEST_CASE("what a simulated body throws comes out of simulate") {
  CHECK_THROWS_AS(simulate([] { throw 1; }, 1), int);
}

TEST_CASE("a plain thread can wake a fiber of a simulated runtime") {
  simulation one(1);
  auto sleeper = one.runtime().spawn([] { weft::this_fiber::sleep_until(weft::never); });
  sleeper.cancel();
  CHECK_THROWS_AS(sleeper.join(), std::system_error);
}
