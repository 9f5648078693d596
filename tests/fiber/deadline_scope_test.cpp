// SPDX-License-Identifier: BSL-1.0
// with_deadline(), with_timeout(), try_for() and shield().
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <weft/weft.hpp>

#include "support/scale.hpp"
#include "support/simulated.hpp"

using namespace std::chrono_literals;
using weft::test::scaled;
using weft::test::simulate;
using clock_type = std::chrono::steady_clock;

TEST_CASE("a body that is cut short by its deadline throws timed_out, at that time") {
  simulate([] {
    const auto begin = clock_type::now();
    try {
      weft::with_timeout(1s, [] { weft::this_fiber::sleep_for(1h); });
      CHECK(false);
    } catch (const weft::timed_out& e) {
      CHECK(e.code() == std::errc::timed_out);
      CHECK(std::string(e.what()).find("deadline") != std::string::npos);
    }
    CHECK(clock_type::now() - begin == 1s);
    weft::this_fiber::check_cancelled();
    weft::this_fiber::sleep_for(1s);
  });
}

TEST_CASE("a body that is faster gives its result") {
  simulate([] {
    CHECK(weft::with_timeout(1s, [] { return 5; }) == 5);
    CHECK(weft::with_deadline(weft::never, [] { return 6; }) == 6);
    CHECK(*weft::with_timeout(1s, [] { return std::make_unique<int>(7); }) == 7);
    int here = 0;
    CHECK(&weft::with_timeout(1s, [&here]() -> int& { return here; }) == &here);
    CHECK_THROWS_AS(weft::with_timeout(1s, [] { throw 1; }), int);
  });
}

TEST_CASE("a result or an exception that comes after the deadline still wins") {
  simulate([] {
    CHECK(weft::with_timeout(1s, [] {
            try {
              weft::this_fiber::sleep_for(2s);
            } catch (const weft::cancelled&) {
            }
            return 8;
          }) == 8);
    CHECK_THROWS_AS(weft::with_timeout(1s,
                                       [] {
                                         try {
                                           weft::this_fiber::sleep_for(2s);
                                         } catch (const weft::cancelled&) {
                                           throw std::runtime_error("instead");
                                         }
                                       }),
                    std::runtime_error);
  });
}

TEST_CASE("a deadline in the past cuts short at the first cancellation point, and not before") {
  simulate([] {
    int steps = 0;
    for (const weft::deadline past :
         {weft::deadline(0s), weft::deadline(-1h), weft::deadline(clock_type::time_point::min())}) {
      CHECK_THROWS_AS(weft::with_deadline(past,
                                          [&] {
                                            ++steps;
                                            CHECK(weft::this_fiber::cancelled());
                                            weft::this_fiber::yield();
                                            ++steps;
                                          }),
                      weft::timed_out);
    }
    CHECK(steps == 3);
    CHECK(weft::with_timeout(-1s, [] { return 1; }) == 1);
  });
}

TEST_CASE("try_for says whether the body was in time") {
  simulate([] {
    CHECK(weft::try_for(1s, [] {}));
    CHECK(!weft::try_for(1s, [] { weft::this_fiber::sleep_for(1h); }));
    CHECK(!weft::try_for(0s, [] { weft::this_fiber::yield(); }));
    CHECK_THROWS_AS((void)weft::try_for(1s, [] { throw 1; }), int);
  });
}

TEST_CASE("of nested deadlines the earliest counts, and throws at the boundary that owns it") {
  simulate([] {
    // The inner one passes first.
    weft::with_timeout(1h, [] {
      CHECK_THROWS_AS(weft::with_timeout(1s, [] { weft::this_fiber::sleep_for(2h); }), weft::timed_out);
      weft::this_fiber::sleep_for(1s);
    });
    // The outer one passes the inner boundaries as a cancellation.
    bool passed_inner = false;
    CHECK_THROWS_AS(weft::with_timeout(1s,
                                       [&] {
                                         try {
                                           weft::with_timeout(1h, [] { weft::this_fiber::sleep_for(2h); });
                                         } catch (const weft::cancelled&) {
                                           passed_inner = true;
                                           throw;
                                         }
                                       }),
                    weft::timed_out);
    CHECK(passed_inner);
    CHECK_THROWS_AS(weft::with_timeout(1s,
                                       [] {
                                         const bool in_time =
                                             weft::try_for(1h, [] { weft::this_fiber::sleep_for(2h); });
                                         CHECK(in_time);  // never comes here
                                       }),
                    weft::timed_out);
  });
}

TEST_CASE("when both have passed the outer one wins") {
  simulate([] {
    const auto at = clock_type::now() + 1s;
    int inner = 0, outer = 0;
    try {
      weft::with_deadline(at, [&] {
        try {
          weft::with_deadline(at, [] { weft::this_fiber::sleep_for(1h); });
        } catch (const weft::timed_out&) {
          ++inner;
        }
      });
    } catch (const weft::timed_out&) {
      ++outer;
    }
    CHECK(inner == 0);
    CHECK(outer == 1);
  });
}

TEST_CASE("current_deadline is the minimum over the enclosing scopes, up to a shield") {
  simulate([] {
    const auto now = clock_type::now();
    CHECK(weft::this_fiber::current_deadline() == weft::never);
    weft::with_deadline(now + 2s, [&] {
      CHECK(weft::this_fiber::current_deadline() == weft::deadline(now + 2s));
      weft::with_deadline(now + 5s, [&] { CHECK(weft::this_fiber::current_deadline() == weft::deadline(now + 2s)); });
      weft::with_deadline(now + 1s, [&] { CHECK(weft::this_fiber::current_deadline() == weft::deadline(now + 1s)); });
      weft::with_scope([&](weft::scope& s) {
        s.spawn([&] { CHECK(weft::this_fiber::current_deadline() == weft::deadline(now + 2s)); });
      });
      weft::shield([&] {
        CHECK(weft::this_fiber::current_deadline() == weft::never);
        weft::with_deadline(now + 9s, [&] { CHECK(weft::this_fiber::current_deadline() == weft::deadline(now + 9s)); });
      });
      CHECK(weft::this_fiber::current_deadline() == weft::deadline(now + 2s));
    });
  });
  CHECK(weft::this_fiber::current_deadline() == weft::never);
}

TEST_CASE("a spawned fiber inherits a copy of the caller's deadline, which outlives the caller's scope") {
  simulate([] {
    const auto begin = clock_type::now();
    weft::fiber<> inherited, not_inherited;
    weft::with_timeout(1s, [&] {
      inherited = weft::spawn([] { weft::this_fiber::sleep_for(1h); });
      weft::shield([&] { not_inherited = weft::spawn([] { weft::this_fiber::sleep_for(2s); }); });
    });
    CHECK(inherited.join_until(weft::never));
    CHECK(clock_type::now() - begin == 1s);
    try {
      inherited.join();
      CHECK(false);
    } catch (const weft::timed_out&) {
      CHECK(false);
    } catch (const std::system_error& e) {
      CHECK(e.code() == std::errc::operation_canceled);
    }
    not_inherited.join();
    CHECK(clock_type::now() - begin == 2s);
  });
}

TEST_CASE("a fiber whose inherited deadline passes before it starts never runs its body") {
  simulate([] {
    bool ran = false;
    weft::fiber<> f;
    (void)weft::try_for(0s, [&] { f = weft::spawn([&ran] { ran = true; }); });
    CHECK_THROWS_AS(f.join(), std::system_error);
    CHECK(!ran);
  });
}

TEST_CASE("go inherits no deadline") {
  simulate([] {
    bool done = false;
    weft::with_timeout(1s, [&] {
      weft::go([&done] {
        CHECK(weft::this_fiber::current_deadline() == weft::never);
        weft::this_fiber::sleep_for(2s);
        done = true;
      });
    });
    weft::this_fiber::sleep_for(3s);
    CHECK(done);
  });
}

TEST_CASE("a deadline reaches the children of scopes inside") {
  simulate([] {
    const auto begin = clock_type::now();
    int cut = 0;
    CHECK_THROWS_AS(weft::with_timeout(1s,
                                       [&] {
                                         weft::with_scope([&](weft::scope& s) {
                                           for (int i = 0; i < 3; ++i) {
                                             s.spawn([&cut] {
                                               try {
                                                 weft::this_fiber::sleep_for(1h);
                                               } catch (const weft::cancelled&) {
                                                 ++cut;
                                                 throw;
                                               }
                                             });
                                           }
                                         });
                                         weft::this_fiber::check_cancelled();
                                       }),
                    weft::timed_out);
    CHECK(cut == 3);
    CHECK(clock_type::now() - begin == 1s);
  });
}

TEST_CASE("shield keeps outer cancellations and deadlines out, and they take effect behind it") {
  simulate([] {
    const auto begin = clock_type::now();
    CHECK_THROWS_AS(weft::with_timeout(1s,
                                       [] {
                                         weft::shield([] { weft::this_fiber::sleep_for(5s); });
                                         CHECK(weft::this_fiber::cancelled());
                                         weft::this_fiber::yield();
                                         CHECK(false);
                                       }),
                    weft::timed_out);
    CHECK(clock_type::now() - begin == 5s);
    CHECK(weft::shield([] { return 3; }) == 3);

    auto f = weft::spawn([] {
      weft::shield([] {
        weft::this_fiber::sleep_for(1s);
        CHECK(!weft::this_fiber::cancelled());
        // What is opened inside works as ever.
        CHECK_THROWS_AS(weft::with_timeout(1s, [] { weft::this_fiber::sleep_for(1h); }), weft::timed_out);
        weft::this_fiber::sleep_for(1s);
      });
      CHECK_THROWS_AS(weft::this_fiber::yield(), weft::cancelled);
      // Entered when it is cancelled already.
      weft::shield([] { weft::this_fiber::sleep_for(1s); });
      CHECK_THROWS_AS(weft::this_fiber::yield(), weft::cancelled);
    });
    weft::this_fiber::sleep_for(1ms);
    f.cancel();
    f.join();
  });
}

TEST_CASE("children of a scope inside a shield are shielded, too") {
  simulate([] {
    bool child_done = false;
    auto f = weft::spawn([&child_done] {
      weft::shield([&] {
        weft::with_scope([&](weft::scope& s) {
          s.spawn([&child_done] {
            weft::this_fiber::sleep_for(2s);
            child_done = true;
          });
        });
      });
    });
    weft::this_fiber::sleep_for(1s);
    f.cancel();
    f.join();
    CHECK(child_done);
  });
}

TEST_CASE("deadlines that pass on one worker while the fiber moves between others") {
  weft::run(
      [] {
        std::vector<weft::fiber<int>> all;
        for (int i = 0; i < 8; ++i) {
          all.push_back(weft::spawn({.movable = true}, [] {
            int cut = 0;
            for (std::size_t k = 0; k < scaled(200); ++k) {
              cut += !weft::try_for(50us, [] {
                for (;;) weft::this_fiber::sleep_for(10us);
              });
            }
            return cut;
          }));
        }
        for (auto& f : all) CHECK(f.join() == int(scaled(200)));
      },
      {.workers = 3});
}
