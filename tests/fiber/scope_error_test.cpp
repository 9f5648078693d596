// SPDX-License-Identifier: BSL-1.0
// with_scope(): what comes out of it when children or its body fail or are cancelled.
#include <doctest/doctest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <weft/weft.hpp>

#include "fiber/cancelled.hpp"
#include "support/scale.hpp"
#include "support/simulated.hpp"

using namespace std::chrono_literals;
using weft::test::scaled;
using weft::test::simulate;
using weft::test::wait_for_cancellation;

TEST_CASE("the first error of a child cancels the others and the body, and comes out unchanged") {
  simulate([] {
    int cancelled = 0;
    const auto count = [&cancelled] {
      try {
        wait_for_cancellation();
      } catch (const weft::cancelled&) {
        ++cancelled;
        throw;
      }
    };
    CHECK_THROWS_WITH_AS(weft::with_scope([&](weft::scope& s) {
                           s.spawn(count);
                           s.spawn(count);
                           s.spawn([] {
                             weft::this_fiber::sleep_for(1s);
                             throw std::runtime_error("the first");
                           });
                           count();
                         }),
                         "the first", std::runtime_error);
    CHECK(cancelled == 3);
  });
}

TEST_CASE("an error of the body cancels the children and comes out unchanged") {
  simulate([] {
    bool cancelled = false;
    CHECK_THROWS_AS(weft::with_scope([&](weft::scope& s) {
                      s.spawn([&cancelled] {
                        try {
                          wait_for_cancellation();
                        } catch (const weft::cancelled&) {
                          cancelled = true;
                        }
                      });
                      weft::this_fiber::sleep_for(1ms);
                      throw 5;
                    }),
                    int);
    CHECK(cancelled);
  });
}

TEST_CASE("two errors come out as a group, in the order in which they happened") {
  simulate([] {
    try {
      weft::with_scope([](weft::scope& s) {
        for (int i = 1; i <= 3; ++i) {
          s.spawn([i] {
            try {
              wait_for_cancellation();
            } catch (const weft::cancelled&) {
              weft::shield([i] { weft::this_fiber::sleep_for(i * 1s); });
              throw std::runtime_error(std::to_string(i));
            }
          });
        }
        weft::this_fiber::sleep_for(1ms);
        throw std::runtime_error("0");
      });
      CHECK(false);
    } catch (const weft::exception_group& group) {
      REQUIRE(group.exceptions().size() == 4);
      CHECK(std::string(group.what()).find("several") != std::string::npos);
      int expected = 0;
      for (const auto& error : group.exceptions())
        CHECK_THROWS_WITH_AS(std::rethrow_exception(error), std::to_string(expected++).c_str(), std::runtime_error);
    }
  });
}

TEST_CASE("a child that is cancelled alone is no error") {
  simulate([] {
    bool other_done = false;
    weft::with_scope([&](weft::scope& s) {
      const weft::fiber_ref one = s.spawn(wait_for_cancellation);
      s.spawn([&other_done] {
        weft::this_fiber::sleep_for(2s);
        other_done = true;
      });
      weft::this_fiber::sleep_for(1s);
      one.cancel();
    });
    CHECK(other_done);
  });
}

TEST_CASE("a cancellation from outside passes through with_scope as cancelled, after all children ended") {
  simulate([] {
    bool child_ended = false;
    auto f = weft::spawn([&child_ended] {
      CHECK_THROWS_AS(weft::with_scope([&](weft::scope& s) {
                        s.spawn([&child_ended] {
                          try {
                            wait_for_cancellation();
                          } catch (const weft::cancelled&) {
                            weft::shield([] { weft::this_fiber::sleep_for(1s); });
                            child_ended = true;
                            throw;
                          }
                        });
                        wait_for_cancellation();
                      }),
                      weft::cancelled);
      CHECK(child_ended);
      weft::this_fiber::check_cancelled();
    });
    weft::this_fiber::sleep_for(1ms);
    f.cancel();
    CHECK_THROWS_AS(f.join(), std::system_error);
  });
}

TEST_CASE("what cuts the children short from outside cuts the whole short, though the body has returned") {
  simulate([] {
    const auto with_a_child = [] {
      return weft::with_scope([](weft::scope& s) {
        s.spawn([] { wait_for_cancellation(); });
        return 1;
      });
    };
    CHECK_THROWS_AS(weft::with_timeout(1s, with_a_child), weft::timed_out);
    CHECK_THROWS_AS(weft::with_timeout(-1s, with_a_child), weft::timed_out);  // the child never ran
    CHECK(!weft::try_for(1s, [&] { (void)with_a_child(); }));
    CHECK(
        !weft::try_for(1s, [&] { weft::with_scope([&](weft::scope& s) { s.spawn([&] { (void)with_a_child(); }); }); }));
    auto f = weft::spawn(with_a_child);
    weft::this_fiber::sleep_for(1ms);
    f.cancel();
    CHECK_THROWS_AS(f.join(), std::system_error);
  });
}

TEST_CASE("children that end well in spite of a cancellation from outside leave the result of the body") {
  simulate([] {
    CHECK(weft::with_timeout(1s, [] {
            return weft::with_scope([](weft::scope& s) {
              s.spawn([] { weft::shield([] { weft::this_fiber::sleep_for(2s); }); });
              s.spawn_daemon([] { wait_for_cancellation(); });
              const auto other = s.spawn([] { wait_for_cancellation(); });
              weft::this_fiber::yield();
              other.cancel();
              return 1;
            });
          }) == 1);
  });
}

TEST_CASE("cancelled is dropped when there is a real error") {
  simulate([] {
    auto f = weft::spawn([] {
      weft::with_scope([](weft::scope& s) {
        s.spawn([] {
          try {
            wait_for_cancellation();
          } catch (const weft::cancelled&) {
            throw std::runtime_error("real");
          }
        });
        wait_for_cancellation();
      });
    });
    weft::this_fiber::sleep_for(1ms);
    f.cancel();
    CHECK_THROWS_WITH_AS(f.join(), "real", std::runtime_error);
  });
}

TEST_CASE("a daemon's error ends the scope, and a daemon may spawn a child") {
  simulate([] {
    CHECK_THROWS_AS(weft::with_scope([](weft::scope& s) {
                      s.spawn_daemon([] { throw 1; });
                      wait_for_cancellation();
                    }),
                    int);
    int grandchildren = 0;
    weft::with_scope([&](weft::scope& s) {
      s.spawn_daemon([&] {
        s.spawn([&grandchildren] { ++grandchildren; });
        wait_for_cancellation();
      });
      weft::this_fiber::sleep_for(1ms);
    });
    CHECK(grandchildren == 1);
  });
}

TEST_CASE("errors of children on all workers arrive at once") {
  weft::run([] {
    for (std::size_t i = 0; i < scaled(500); ++i) {
      try {
        weft::with_scope([](weft::scope& s) {
          for (int k = 0; k < 8; ++k) s.spawn([k] { throw k; });
          wait_for_cancellation();
        });
        CHECK(false);
      } catch (int) {
      } catch (const weft::exception_group& group) {
        CHECK(group.exceptions().size() >= 2);
      }
    }
  });
}

// Caught by this: an owner that takes the error of a child which is still on its way out, and with it its block.
TEST_CASE("the block of a child that failed is used again only when the child has ended") {
  const auto opens_scopes = [](int own) {
    for (auto left = scaled(2'000); left > 0; --left) {
      CHECK_THROWS_AS(weft::with_scope([own](weft::scope& s) {
                        for (int child = 0; child < 3; ++child) {
                          s.spawn({.worker = (own + child) % 3}, [child] {
                            if (child == 1) throw child;
                          });
                        }
                      }),
                      int);
      auto next = weft::spawn([] {
        weft::this_fiber::yield();
        return 5;
      });
      auto one_more = weft::spawn([] { return 6; });
      CHECK(next.join() == 5);
      CHECK(one_more.join() == 6);
    }
  };
  weft::run(
      [&] {
        weft::with_scope([&](weft::scope& s) {
          for (int own = 0; own < 4; ++own) s.spawn([&opens_scopes, own] { opens_scopes(own); });
        });
      },
      {.workers = 3});
}
