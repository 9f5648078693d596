// SPDX-License-Identifier: BSL-1.0
// with_scope(): children, daemons, nesting, crowds.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <weft/weft.hpp>

#include "fiber/cancelled.hpp"
#include "support/refusal.hpp"
#include "support/scale.hpp"
#include "support/simulated.hpp"

using namespace std::chrono_literals;
using weft::test::max_live_fibers;
using weft::test::refuses;
using weft::test::scaled;
using weft::test::simulate;
using weft::test::wait_for_cancellation;
using weft::test::was_cancelled;

namespace {

// How deep the nesting of scopes can be told to go, and how many fibers saw their cancellation.
void nest(unsigned depth, std::atomic<int>& cancelled, std::atomic<int>& ready) {
  weft::with_scope([&](weft::scope& s) {
    s.spawn([&] {
      ++ready;
      try {
        wait_for_cancellation();
      } catch (const weft::cancelled&) {
        ++cancelled;
        throw;
      }
    });
    if (depth == 0)
      wait_for_cancellation();
    else
      s.spawn([&, depth] { nest(depth - 1, cancelled, ready); });
  });
}

}  // namespace

TEST_CASE("a scope is left when all its children have ended") {
  simulate([] {
    int ended = 0;
    weft::with_scope([&](weft::scope& s) {
      for (int i = 0; i < 10; ++i) {
        s.spawn([&ended, i] {
          weft::this_fiber::sleep_for(i * 1s);
          ++ended;
        });
      }
    });
    CHECK(ended == 10);
  });
}

TEST_CASE("with_scope returns what its body returns: values, references, move-only objects") {
  simulate([] {
    CHECK(weft::with_scope([](weft::scope&) { return 4; }) == 4);
    int here = 0;
    int& there = weft::with_scope([&here](weft::scope&) -> int& { return here; });
    CHECK(&there == &here);
    CHECK(*weft::with_scope([](weft::scope&) { return std::make_unique<int>(3); }) == 3);
  });
}

TEST_CASE("scope::cancel cancels children and body, and with_scope returns") {
  simulate([] {
    int cancelled = 0;
    weft::with_scope([&](weft::scope& s) {
      for (int i = 0; i < 5; ++i) {
        s.spawn([&cancelled] {
          try {
            wait_for_cancellation();
          } catch (const weft::cancelled&) {
            ++cancelled;
            throw;
          }
        });
      }
      weft::this_fiber::sleep_for(1ms);
      CHECK(!s.cancelled());
      s.cancel();
      CHECK(s.cancelled());
      CHECK(weft::this_fiber::cancelled());
      s.cancel();
      wait_for_cancellation();
      CHECK(false);
    });
    CHECK(cancelled == 5);
    CHECK(!weft::this_fiber::cancelled());
    weft::this_fiber::check_cancelled();
    CHECK(refuses(std::errc::operation_canceled, "with_scope", [] {
      return weft::with_scope([](weft::scope& s) {
        s.cancel();
        wait_for_cancellation();
        return 1;
      });
    }));
    // A result that the body still gave counts.
    CHECK(weft::with_scope([](weft::scope& s) {
            s.cancel();
            return 2;
          }) == 2);
  });
}

TEST_CASE("a scope that was cancelled from outside, too, passes that on") {
  simulate([] {
    bool went_on = false;
    weft::fiber<> self;
    self = weft::spawn([&] {
      weft::with_scope([&](weft::scope& s) {
        s.cancel();
        self.cancel();
        wait_for_cancellation();
      });
      went_on = true;
    });
    CHECK(self.join_until(weft::never));
    CHECK(was_cancelled(self));
    CHECK(!went_on);
  });
}

TEST_CASE("a child of a cancelled scope never runs its body") {
  simulate([] {
    bool ran = false;
    weft::with_scope([&](weft::scope& s) {
      s.cancel();
      const auto child = s.spawn([&ran] { ran = true; });
      weft::shield([&] {
        while (!child.done()) weft::this_fiber::yield();
      });
    });
    CHECK(!ran);
  });
}

TEST_CASE("daemons are cancelled when the other children have ended") {
  simulate([] {
    std::string order;
    weft::with_scope([&](weft::scope& s) {
      s.spawn_daemon([&order] {
        try {
          wait_for_cancellation();
        } catch (const weft::cancelled&) {
          order += 'd';
        }
      });
      s.spawn_daemon({.name = "second"}, [&order] {
        try {
          wait_for_cancellation();
        } catch (const weft::cancelled&) {
          order += 'd';
        }
      });
      s.spawn([&order] {
        weft::this_fiber::sleep_for(5s);
        order += 'c';
      });
    });
    CHECK(order == "cdd");
  });
}

TEST_CASE("a daemon that a daemon spawns on its way out is cancelled, too; a child is waited for") {
  simulate([] {
    bool daemon_ran = false, child_ended = false;
    weft::with_scope([&](weft::scope& s) {
      s.spawn_daemon([&] {
        try {
          wait_for_cancellation();
        } catch (const weft::cancelled&) {
          s.spawn_daemon([&daemon_ran] {
            daemon_ran = true;
            wait_for_cancellation();
          });
          s.spawn([&child_ended] {
            weft::this_fiber::sleep_for(1s);
            child_ended = true;
          });
          throw;
        }
      });
      weft::this_fiber::sleep_for(1s);
    });
    CHECK(!daemon_ran);
    CHECK(child_ended);
  });
}

TEST_CASE("children spawn siblings while their scope is being left") {
  simulate([] {
    int ran = 0;
    weft::with_scope([&](weft::scope& s) {
      s.spawn([&] {
        weft::this_fiber::sleep_for(1s);
        s.spawn([&] {
          weft::this_fiber::sleep_for(1s);
          s.spawn([&] { ++ran; });
          ++ran;
        });
        ++ran;
      });
    });
    CHECK(ran == 3);
  });
}

TEST_CASE("spawning into a scope that was left is refused by name") {
  simulate([] {
    // A result on its way out is destroyed when the scope has been left and its frame is still there.
    struct late {
      late(weft::scope& s, int& r) : of(&s), refused(&r) {}
      late(late&& other) noexcept : of(other.of), refused(other.refused), moves(other.moves + 1) {}
      ~late() {
        if (moves != 1) return;
        const auto body = std::make_shared<int>(0);
        *refused += refuses(std::errc::invalid_argument, "the scope has been left",
                            [this, &body] { return of->spawn([body] { (void)body; }); });
        CHECK(body.use_count() == 1);
        *refused +=
            refuses(std::errc::invalid_argument, "the scope has been left",
                    [this, large = std::array<char, 2000>{}] { return of->spawn_daemon([large] { (void)large; }); });
      }
      weft::scope* of;
      int* refused;
      int moves = 0;
    };
    int refused = 0;
    (void)weft::with_scope([&](weft::scope& s) { return late(s, refused); });
    CHECK(refused == 2);
    CHECK(weft::stats().live_fibers == 1);
  });
}

TEST_CASE("scopes nest deeply, and one cancellation reaches all of them") {
  const unsigned depth = unsigned(std::min<std::size_t>(scaled(400), max_live_fibers() / 4));
  weft::run([depth] {
    std::atomic<int> cancelled{0}, ready{0};
    auto f = weft::spawn([&] { nest(depth, cancelled, ready); });
    while (ready != int(depth) + 1) weft::this_fiber::yield();
    f.cancel();
    CHECK(refuses(std::errc::operation_canceled, "fiber::join", [&] { return f.join(), 0; }));
    CHECK(cancelled == int(depth) + 1);
  });
}

TEST_CASE("one fiber may hold scopes within scopes within time limits") {
  simulate([] {
    int deepest = 0;
    const std::function<void(int)> go_in = [&](int depth) {
      deepest = depth;
      if (depth == 40) weft::this_fiber::sleep_until(weft::never);
      weft::with_scope([&](weft::scope& s) {
        s.spawn([] { weft::this_fiber::sleep_for(1h); });
        weft::with_timeout(100h, [&] { go_in(depth + 1); });
      });
    };
    CHECK_THROWS_AS(weft::with_timeout(1min, [&] { go_in(0); }), weft::timed_out);
    CHECK(deepest == 40);
  });
}

TEST_CASE("a scope has a hundred thousand children") {
  const std::size_t count = std::min(scaled(100'000), max_live_fibers() / 2);
  std::atomic<std::size_t> ran{0}, cancelled{0};
  weft::run([&] {
    weft::with_scope([&](weft::scope& s) {
      for (std::size_t i = 0; i < count; ++i) {
        s.spawn([&] {
          ++ran;
          try {
            wait_for_cancellation();
          } catch (const weft::cancelled&) {
            ++cancelled;
            throw;
          }
        });
      }
      while (ran != count) weft::this_fiber::yield();
      CHECK(weft::stats().live_fibers == count + 1);
      s.cancel();
    });
  });
  CHECK(cancelled == count);
}

TEST_CASE("children that start while another worker cancels the scope are cancelled, too") {
  // [cancel-2] against scope::spawn: whoever comes second sees the other.
  weft::run(
      [] {
        for (std::size_t i = 0; i < scaled(100, 20); ++i) {
          std::atomic<int> hurdle{0};
          const auto meet = [&hurdle] {
            ++hurdle;
            while (hurdle < 2) {
            }
          };
          weft::with_scope([&](weft::scope& s) {
            s.spawn({.worker = 0}, [&] {
              meet();
              for (int k = 0; k < 3; ++k) s.spawn(wait_for_cancellation);
            });
            s.spawn({.worker = 1}, [&] {
              meet();
              s.cancel();
            });
            weft::shield([&] {
              while (hurdle < 2) weft::this_fiber::yield();
            });
          });
        }
      },
      {.workers = 3});
}

TEST_CASE("with_scope, with_deadline and shield are refused off a fiber") {
  CHECK(refuses(std::errc::operation_not_permitted, "with_scope() off a fiber",
                [] { return weft::with_scope([](weft::scope&) { return 1; }); }));
  CHECK(refuses(std::errc::operation_not_permitted, "with_deadline() off a fiber",
                [] { return weft::with_timeout(1s, [] { return 1; }); }));
  CHECK(refuses(std::errc::operation_not_permitted, "shield() off a fiber",
                [] { return weft::shield([] { return 1; }); }));
}
