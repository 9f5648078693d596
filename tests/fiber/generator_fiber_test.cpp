// SPDX-License-Identifier: BSL-1.0
// Generators on fibers: what a body does that parks its fiber, is cancelled, has a deadline or opens a scope.
#include <doctest/doctest.h>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>
#include <weft/weft.hpp>

#include "fiber/generators.hpp"
#include "support/simulated.hpp"

using namespace std::chrono_literals;
using weft::generator;
using weft::spawn;
using weft::test::simulate;
using weft::test::use_stack;

TEST_CASE("a body that parks parks the fiber that pulls, and nobody else") {
  simulate([] {
    std::vector<std::string> order;
    generator<int> g([&](auto& yield) {
      for (int i = 0; i < 3; ++i) {
        weft::this_fiber::sleep_for(10ms);
        use_stack(5);
        order.push_back("item");
        yield(i);
      }
    });
    auto other = spawn([&] {
      weft::this_fiber::sleep_for(5ms);
      for (int i = 0; i < 3; ++i) {
        order.push_back("other");
        weft::this_fiber::sleep_for(10ms);
      }
    });
    const auto before = weft::this_fiber::id();
    for (const int i : g) CHECK(i >= 0);
    CHECK(weft::this_fiber::id() == before);
    other.join();
    CHECK(order == std::vector<std::string>{"other", "item", "other", "item", "other", "item"});
  });
}

TEST_CASE("the body is part of the fiber that pulls: its id, its name, its cancellation") {
  weft::run([] {
    generator<std::string> g([](auto& yield) {
      for (;;) yield(std::string(weft::this_fiber::name()));
    });
    auto one = spawn({.name = "one"}, [&] { return *g.next(); });
    CHECK(one.join() == "one");
    auto other = spawn({.name = "other"}, [&] { return *g.next(); });
    CHECK(other.join() == "other");
  });
}

TEST_CASE("a body that stands in a wait is unwound by the cancellation of its fiber; next() throws `cancelled`") {
  simulate([] {
    bool unwound = false;
    std::optional<generator<int>> g;
    g.emplace([&](auto& yield) {
      struct witness {
        bool& seen;
        ~witness() { seen = true; }
      } const mine{unwound};
      yield(1);
      weft::this_fiber::sleep_until(weft::never);
    });
    auto f = spawn([&] {
      CHECK(g->next() == 1);
      CHECK_THROWS_AS((void)g->next(), weft::cancelled);
      CHECK(unwound);
      CHECK(g->ended());
      CHECK_FALSE(g->next());
    });
    weft::this_fiber::sleep_for(1ms);
    f.cancel();
    f.join();
  });
}

TEST_CASE("a deadline around the pull cuts the body's wait short, and is timed_out where it was set") {
  simulate([] {
    generator<int> g([](auto& yield) {
      for (int i = 0;; ++i) {
        yield(i);
        weft::this_fiber::sleep_for(10ms);
      }
    });
    int last = -1;
    CHECK_THROWS_AS(weft::with_timeout(35ms,
                                       [&] {
                                         for (const int i : g) last = i;
                                       }),
                    weft::timed_out);
    CHECK(last == 3);
    CHECK(g.ended());
  });
}

TEST_CASE("a scope that the body opens and leaves between two yields is the body's own") {
  simulate([] {
    generator<int> g([](auto& yield) {
      for (int i = 0;; ++i) {
        const bool in_time = weft::try_for(10ms, [&] { weft::this_fiber::sleep_for(i % 2 == 0 ? 5ms : 50ms); });
        int found = 0;
        weft::with_scope([&](weft::scope& s) {
          s.spawn([&found] { found += 1; });
          s.spawn([&found] { found += 2; });
        });
        CHECK(found == 3);
        yield(in_time ? 1 : 0);
      }
    });
    CHECK(g.next() == 1);
    CHECK(weft::with_timeout(1s, [&] { return g.next(); }) == 0);
    CHECK(g.next() == 1);
  });
}

TEST_CASE("a yield inside a scope of the body is refused, and the scopes of the fiber stay in order") {
  simulate([] {
    const auto inside = [](auto open) { return generator<int>([open](auto& yield) { open([&] { yield(1); }); }); };
    generator<int> all[] = {inside([](auto f) { weft::with_timeout(1s, f); }), inside([](auto f) { weft::shield(f); }),
                            inside([](auto f) { weft::with_scope([&](weft::scope&) { f(); }); })};
    for (auto& g : all) {
      CHECK_THROWS_WITH_AS((void)g.next(), doctest::Contains("yields inside"), std::system_error);
      CHECK(g.ended());
    }
    // A scope of the puller's is none of the body's business.
    generator<int> twice([](auto& yield) {
      yield(1);
      yield(2);
    });
    CHECK(weft::with_timeout(1s, [&] { return twice.next(); }) == 1);
    CHECK(weft::shield([&] { return twice.next(); }) == 2);
    weft::this_fiber::sleep_for(2s);
    CHECK_FALSE(weft::this_fiber::cancelled());
  });
}

TEST_CASE("a delegate inside a scope of the body is refused, and the other one hears nothing of it") {
  weft::run([] {
    int raised = 0;
    generator<int> inner([&](auto& yield) {
      while (raised < 3) {
        try {
          yield(1);
        } catch (const std::exception&) {
          ++raised;  // and goes on
        }
      }
    });
    generator<int> outer([&](auto& yield) {
      CHECK_THROWS_WITH_AS(weft::shield([&] { yield.delegate(inner); }), doctest::Contains("yields inside"),
                           std::system_error);
      yield.delegate(inner);
    });
    CHECK(outer.next() == 1);
    CHECK(raised == 0);
    outer.close();
    CHECK(inner.ended());
  });
}

TEST_CASE("the clean-up of a fiber that pulls is not interrupted in the body either") {
  simulate([] {
    bool cleaned = false;
    auto f = spawn([&] {
      struct cleans {
        bool& done;
        ~cleans() {
          generator<int> g([](auto& yield) {
            weft::this_fiber::sleep_for(1ms);  // would throw where it must not, out of a destructor
            yield(1);
          });
          done = g.next() == 1;
        }
      } const mine{cleaned};
      weft::this_fiber::sleep_until(weft::never);
    });
    weft::this_fiber::sleep_for(1ms);
    f.cancel();
    CHECK_THROWS_AS(f.join(), std::system_error);
    CHECK(cleaned);
  });
}

TEST_CASE("a fiber that pulled while an exception passed is open to cancellation again behind it") {
  simulate([] {
    auto f = spawn([] {
      generator<int> g([](auto& yield) {
        for (;;) yield(std::uncaught_exceptions());
      });
      struct pulls {
        generator<int>& from;
        ~pulls() { CHECK(from.next() == 0); }
      };
      try {
        const pulls mine{g};
        throw std::runtime_error("passes");
      } catch (const std::runtime_error&) {
      }
      CHECK(g.next() == 0);
      weft::this_fiber::sleep_until(weft::never);
    });
    weft::this_fiber::sleep_for(1ms);
    f.cancel();
    CHECK_THROWS_AS(f.join(), std::system_error);
  });
}

TEST_CASE("a timeout that the body opens during the clean-up of its fiber works") {
  simulate([] {
    bool cut_short = false;
    auto f = spawn([&] {
      struct cleans {
        bool& done;
        ~cleans() {
          generator<bool> g(
              [](auto& yield) { yield(!weft::try_for(5ms, [] { weft::this_fiber::sleep_until(weft::never); })); });
          done = *g.next();
        }
      } const mine{cut_short};
      weft::this_fiber::sleep_until(weft::never);
    });
    weft::this_fiber::sleep_for(1ms);
    f.cancel();
    CHECK_THROWS_AS(f.join(), std::system_error);
    CHECK(cut_short);
  });
}

TEST_CASE("a body is unwound on a cancelled fiber: its destructors may wait") {
  simulate([] {
    bool waited = false;
    auto f = spawn([&] {
      generator<int> g([&](auto& yield) {
        struct waits {
          bool& done;
          ~waits() {
            weft::this_fiber::sleep_for(3ms);
            done = true;
          }
        } const mine{waited};
        yield(1);
      });
      CHECK(g.next() == 1);
      weft::this_fiber::sleep_until(weft::never);
    });
    weft::this_fiber::sleep_for(1ms);
    f.cancel();
    CHECK_THROWS_AS(f.join(), std::system_error);
    CHECK(waited);
  });
}

TEST_CASE(
    "a wait in a handler for generator_exit is a cancellation point: the destructor drops that, close() does not") {
  simulate([] {
    const auto stubborn = [](auto& yield) {
      try {
        yield(1);
      } catch (const weft::generator_exit&) {
        weft::this_fiber::sleep_for(1ms);
      }
    };
    auto f = spawn([&] {
      {
        generator<int> g(stubborn), destroyed(stubborn);
        CHECK(g.next() == 1);
        CHECK(destroyed.next() == 1);
        try {
          weft::this_fiber::sleep_until(weft::never);
        } catch (const weft::cancelled&) {
        }
        CHECK_THROWS_AS(g.close(), weft::cancelled);
      }
      CHECK_THROWS_AS(weft::this_fiber::check_cancelled(), weft::cancelled);
    });
    weft::this_fiber::sleep_for(1ms);
    f.cancel();
    f.join();
  });
}
