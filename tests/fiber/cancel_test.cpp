// SPDX-License-Identifier: BSL-1.0
// Cancellation: where it is delivered, when, and what it leaves alone.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <vector>
#include <weft/weft.hpp>

#include "fiber/cancelled.hpp"
#include "support/alone.hpp"
#include "support/refusal.hpp"
#include "support/scale.hpp"
#include "support/simulated.hpp"

using namespace std::chrono_literals;
using weft::test::refuses;
using weft::test::run_alone;
using weft::test::scaled;
using weft::test::simulate;
using weft::test::wait_for_cancellation;
using weft::test::was_cancelled;

TEST_CASE("a fiber that is cancelled before it starts never runs its body") {
  simulate([] {
    bool ran = false;
    auto f = weft::spawn([&ran] { ran = true; });
    f.cancel();
    CHECK(was_cancelled(f));
    CHECK(!ran);
  });
}

TEST_CASE("a fiber that is cancelled while it is ready throws at its next cancellation point") {
  simulate([] {
    int steps = 0;
    auto f = weft::spawn([&steps] {
      for (;; ++steps) weft::this_fiber::yield();
    });
    while (steps < 3) weft::this_fiber::yield();
    f.cancel();
    CHECK(was_cancelled(f));
    CHECK(steps < 5);
  });
}

TEST_CASE("a fiber that is cancelled while it is parked wakes up at once") {
  simulate([] {
    const auto begin = std::chrono::steady_clock::now();
    auto f = weft::spawn([] { weft::this_fiber::sleep_for(24h); });
    weft::this_fiber::sleep_for(1s);
    f.cancel();
    f.cancel();
    CHECK(was_cancelled(f));
    CHECK(std::chrono::steady_clock::now() - begin == 1s);
  });
}

TEST_CASE("a cancelled sleep did not happen, an expired one is not cancelled") {
  simulate([] {
    const auto at = std::chrono::steady_clock::now() + 1s;
    bool slept = false;
    auto f = weft::spawn([&] {
      weft::this_fiber::sleep_until(at);
      slept = true;
      weft::this_fiber::yield();
    });
    auto canceller = weft::spawn([&] {
      weft::this_fiber::sleep_until(at);
      CHECK(std::chrono::steady_clock::now() == at);
      f.cancel();
    });
    canceller.join();
    (void)f.join_until(weft::never);
    const bool cancelled = was_cancelled(f);
    CHECK((slept || cancelled));
  });
}

TEST_CASE("cancellation is level-triggered: every point of a cancelled scope fails until it is left") {
  simulate([] {
    auto f = weft::spawn([] {
      int caught = 0;
      const auto expect = [&caught](auto point) {
        try {
          point();
        } catch (const weft::cancelled&) {
          ++caught;
        }
      };
      expect([] { weft::this_fiber::sleep_until(weft::never); });
      expect([] { weft::this_fiber::sleep_for(1s); });
      expect([] { weft::this_fiber::sleep_for(-1s); });
      expect([] { weft::this_fiber::yield(); });
      expect([] { weft::this_fiber::check_cancelled(); });
      expect([] {
        auto child = weft::spawn([] {});
        weft::shield([&] { CHECK(child.join_until(weft::never)); });
        child.join();
      });
      expect([] {
        auto child = weft::spawn([] {});
        (void)child.join_until(0s);
      });
      CHECK(caught == 7);
      CHECK(weft::this_fiber::cancelled());
    });
    weft::this_fiber::sleep_for(1ms);
    f.cancel();
    f.join();
  });
}

TEST_CASE("spawning, notifying and leaving are no cancellation points") {
  simulate([] {
    bool child_ran = false;
    auto f = weft::spawn([&child_ran] {
      try {
        weft::this_fiber::sleep_until(weft::never);
      } catch (const weft::cancelled&) {
      }
      auto child = weft::spawn([&child_ran] { child_ran = true; });
      weft::go([] {});
      child.cancel();
      CHECK(weft::with_timeout(1s, [] { return 1; }) == 1);
      CHECK(weft::with_scope([](weft::scope&) { return 1; }) == 1);
    });
    weft::this_fiber::sleep_for(1ms);
    f.cancel();
    f.join();
    CHECK(!child_ran);
  });
}

TEST_CASE("a loop that swallows its cancellation cannot take the worker") {
  simulate([] {
    bool stop = false;
    auto swallower = weft::spawn([&stop] {
      while (!stop) {
        try {
          weft::this_fiber::check_cancelled();
          weft::this_fiber::yield();
        } catch (...) {
        }
      }
    });
    weft::this_fiber::yield();  // no sleep: the clock stands still as long as it is ready
    swallower.cancel();
    for (int i = 0; i < 20; ++i) weft::this_fiber::yield();
    stop = true;
    swallower.join();
  });
}

TEST_CASE("alone: cancellations are swallowed" * doctest::skip()) {
  weft::test::simulation one(1);
  one.run([] {
    const auto wait = [] {
      try {
        weft::this_fiber::sleep_until(weft::never);
      } catch (const weft::cancelled&) {
      }
    };
    const auto swallow = [](int times) {
      for (int i = 0; i < times; ++i) {
        try {
          weft::this_fiber::check_cancelled();
        } catch (const weft::cancelled&) {
        }
      }
    };
    auto f = weft::spawn({.name = "glutton"}, [&] {
      wait();
      swallow(5000);
    });
    auto modest = weft::spawn({.name = "modest"}, [&] {
      wait();
      swallow(998);
    });
    auto timely = weft::spawn({.name = "timely"}, [&] { (void)weft::try_for(-1s, [&] { swallow(1000); }); });
    weft::this_fiber::sleep_for(1ms);
    f.cancel();
    modest.cancel();
    f.join();
    modest.join();
    timely.join();
  });
}

TEST_CASE("after a thousand swallowed cancellations one line names fiber, scope and place") {
  const auto end = run_alone("alone: cancellations are swallowed");
  CHECK(end.status == 0);
  CHECK(end.how_often("swallowed its cancellation 1000 times") == 2);
  CHECK(end.said_this("\"glutton\", created at "));
  CHECK(end.said_this("cancel_test.cpp:"));
  CHECK(end.said_this("+0x"));
  CHECK(!end.said_this("0x0x"));
  CHECK(!end.said_this("modest"));
  CHECK(end.said_this("\"timely\""));
  CHECK(end.said_this("with_deadline"));
}

TEST_CASE("cancelled() and check_cancelled() say nothing off a fiber and on a fiber that is not cancelled") {
  CHECK(!weft::this_fiber::cancelled());
  weft::this_fiber::check_cancelled();
  simulate([] {
    CHECK(!weft::this_fiber::cancelled());
    weft::this_fiber::check_cancelled();
  });
}

TEST_CASE("a fiber may cancel itself") {
  simulate([] {
    weft::fiber<> self;
    self = weft::spawn([&self] {
      self.cancel();
      CHECK(weft::this_fiber::cancelled());
      weft::this_fiber::yield();
      CHECK(false);
    });
    CHECK(self.join_until(weft::never));
    CHECK(was_cancelled(self));
  });
}

TEST_CASE("a cancellation reaches the children of an outer scope while the body is in an inner one") {
  simulate([] {
    bool child_saw = false;
    auto f = weft::spawn([&child_saw] {
      weft::with_scope([&child_saw](weft::scope& outer) {
        outer.spawn([&child_saw] {
          try {
            wait_for_cancellation();
          } catch (const weft::cancelled&) {
            child_saw = true;
            throw;
          }
        });
        weft::with_scope([&child_saw](weft::scope&) {
          try {
            wait_for_cancellation();
          } catch (const weft::cancelled&) {
            weft::shield([&child_saw] {
              weft::this_fiber::sleep_for(1s);
              CHECK(child_saw);
            });
            throw;
          }
        });
      });
    });
    weft::this_fiber::sleep_for(1s);
    f.cancel();
    CHECK(was_cancelled(f));
    CHECK(child_saw);
  });
}

TEST_CASE("a cancellation from another worker races with the wake-up of a sleep") {
  weft::run(
      [] {
        for (std::size_t i = 0; i < scaled(1000); ++i) {
          const weft::deadline at = std::chrono::microseconds(20);
          std::atomic<bool> slept{false};
          auto f = weft::spawn({.worker = 0}, [&] {
            weft::this_fiber::sleep_until(at);
            slept = true;
          });
          auto canceller = weft::spawn({.worker = 1}, [&f, at] {
            while (!at.passed()) {
            }
            f.cancel();
          });
          canceller.join();
          CHECK(f.join_until(weft::never));
          if (slept)
            f.join();
          else
            CHECK(was_cancelled(f));
        }
      },
      {.workers = 2});
}

TEST_CASE("a cancellation races with the end of the joined fiber") {
  weft::run([] {
    for (std::size_t i = 0; i < scaled(1000); ++i) {
      auto child = weft::spawn([] { weft::this_fiber::yield(); });
      auto joiner = weft::spawn([&child] { child.join(); });
      auto canceller = weft::spawn([&joiner] { joiner.cancel(); });
      canceller.join();
      CHECK(joiner.join_until(weft::never));
      if (child.joinable()) {
        CHECK(was_cancelled(joiner));
        child.join();
      } else {
        joiner.join();
      }
    }
  });
}

TEST_CASE("plain threads cancel sleeping, ready and ending fibers at any moment") {
  weft::runtime r;
  for (std::size_t i = 0; i < scaled(1000); ++i) {
    auto f = r.spawn([i] {
      for (std::size_t k = 0; k < i % 5; ++k) weft::this_fiber::yield();
      if (i % 2) weft::this_fiber::sleep_for(10us);
    });
    const auto ref = f.ref();
    for (std::size_t k = 0; k < i % 40; ++k) (void)f.done();
    ref.cancel();
    try {
      f.join();
    } catch (const std::system_error&) {
    }
  }
}

TEST_CASE("cancellers of a whole tree meet on many workers") {
  weft::run([] {
    struct tree {
      static void grow(unsigned depth, std::atomic<int>& leaves) {
        weft::with_scope([&](weft::scope& s) {
          for (int i = 0; i < 2; ++i) {
            if (depth > 0)
              s.spawn([&leaves, depth] { grow(depth - 1, leaves); });
            else
              s.spawn([&leaves] {
                ++leaves;
                weft::this_fiber::sleep_until(weft::never);
              });
          }
        });
      }
    };
    for (std::size_t i = 0; i < scaled(100, 5); ++i) {
      std::atomic<int> leaves{0};
      auto root = weft::spawn([&] { tree::grow(4, leaves); });
      while (leaves < int(i % 33)) weft::this_fiber::yield();
      std::vector<weft::fiber<>> cancellers;
      for (int k = 0; k < 4; ++k) cancellers.push_back(weft::spawn([&root] { root.cancel(); }));
      for (auto& c : cancellers) c.join();
      CHECK(root.join_until(weft::never));  // with a result if its own body had ended before
      std::move(root).detach();
    }
  });
}
