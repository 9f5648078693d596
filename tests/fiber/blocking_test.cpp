// SPDX-License-Identifier: BSL-1.0
// Calls on the blocking pool: what they hand back, when they are withdrawn, waited for, or left alone.
#include <weft/fiber/blocking.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <weft/stackless.hpp>

#include "fiber/blocking_gate.hpp"
#include "fiber/cancelled.hpp"
#include "support/simulated.hpp"

using namespace std::chrono_literals;
using namespace weft::test;
using weft::blocking;
using weft::blocking_abandonable;

TEST_CASE("a blocking call hands back what it returns or throws, from another thread") {
  on_fiber([] {
    const auto here = std::this_thread::get_id();
    CHECK(blocking([&] { return std::this_thread::get_id() != here; }));
    CHECK(blocking([] { return std::string("text"); }) == "text");
    CHECK(*blocking([] { return std::make_unique<int>(7); }) == 7);
    int x = 1;
    int& reference = blocking([&x]() -> int& { return x; });
    CHECK(&reference == &x);
    blocking([&x] { x = 2; });
    CHECK(x == 2);
    CHECK_THROWS_WITH_AS(blocking([] { throw std::runtime_error("from there"); }), "from there", std::runtime_error);
    CHECK_THROWS_AS((void)blocking([]() -> int { throw 5; }), int);
    std::function<int()> f = [] { return 3; };
    CHECK(blocking(f) == 3);
    CHECK(f);
    struct callable_once {
      int operator()() && { return 4; }
    };
    CHECK(blocking(callable_once{}) == 4);
    CHECK(blocking_abandonable(callable_once{}) == 4);
    CHECK(blocking_abandonable([p = std::make_unique<int>(4)]() mutable { return std::move(p); }) != nullptr);
    CHECK_THROWS_AS(blocking_abandonable([] { throw std::runtime_error("there, too"); }), std::runtime_error);
    CHECK(&blocking_abandonable([&x]() -> int& { return x; }) == &x);
  });
}

TEST_CASE("meanwhile others run on the fiber's worker, as many calls at once as the pool has threads") {
  weft::run(
      [] {
        constexpr int count = 5;
        std::latch all(count);
        weft::with_scope([&](weft::scope& s) {
          for (int i = 0; i < count; ++i) s.spawn([&] { blocking([&] { all.arrive_and_wait(); }); });
        });
        CHECK(all.try_wait());
      },
      {.workers = 1, .blocking_threads = 5});
}

TEST_CASE("on a plain thread, in a blocking call, and in a task it is just called") {
  const auto here = [] { return std::this_thread::get_id(); };
  CHECK(blocking(here) == here());
  CHECK(blocking_abandonable(here) == here());
  int value = 1;
  CHECK(&blocking([&]() -> int& { return value; }) == &value);
  CHECK_THROWS_AS(blocking([] { throw 1; }), int);
  on_fiber([&] { CHECK(blocking([&] { return blocking(here) == here() && blocking_abandonable(here) == here(); })); });
  weft::stackless::run([]() -> weft::stackless::task<> {
    const auto thread = std::this_thread::get_id();
    CHECK(blocking([] { return std::this_thread::get_id(); }) == thread);
    co_return;
  }());
}

TEST_CASE("a call that is queued when its fiber is cancelled did not happen") {
  on_fiber(
      [] {
        for (const bool abandonable : {false, true}) {
          gate first;
          std::atomic<bool> ran{false};
          std::atomic<std::thread::id> ended;
          auto busy = weft::spawn([&] { blocking([&] { first.pass(); }); });
          first.until_entered();
          std::atomic<bool> about{false};
          auto queued = weft::spawn({.worker = 0}, [&] {
            about = true;
            if (abandonable)
              blocking_abandonable([&ran, n = noted(ended)] { ran = true; });
            else
              blocking([&ran, n = noted(ended)] { ran = true; });
          });
          auto later = weft::spawn([&] { return blocking([] { return 1; }); });
          until_parked(about);
          queued.cancel();
          CHECK(was_cancelled(queued));
          CHECK(ended.load() != std::thread::id());
          first.let_go();
          busy.join();
          CHECK(later.join() == 1);
          CHECK(!ran);
        }
      },
      1);
}

TEST_CASE("a call that has begun is waited for by a cancelled fiber, and what it came to is handed back") {
  on_fiber([] {
    for (const bool fails : {false, true}) {
      gate inside;
      auto f = weft::spawn([&] {
        std::string local = "the caller's";
        const auto call = [&] {
          inside.pass();
          local += " frame";
          if (fails) throw std::runtime_error(local);
          return local;
        };
        if (fails)
          CHECK_THROWS_WITH_AS((void)blocking(call), "the caller's frame", std::runtime_error);
        else
          CHECK(blocking(call) == "the caller's frame");
        CHECK(weft::this_fiber::cancelled());
        CHECK_THROWS_AS(blocking([] {}), weft::cancelled);
        CHECK_THROWS_AS(blocking_abandonable([] {}), weft::cancelled);
        CHECK(weft::shield([] { return blocking([] { return 4; }); }) == 4);
      });
      inside.until_entered();
      f.cancel();
      for (int i = 0; i < 50; ++i) weft::this_fiber::yield();
      CHECK(!f.done());
      inside.let_go();
      f.join();
    }
  });
}

TEST_CASE("a call that may be abandoned is left at once; it and its result end on the pool's thread") {
  std::atomic<std::thread::id> closure_ended, result_ended;
  std::atomic<std::thread::id> ran_on;
  std::atomic<bool> thrown{false};
  gate inside;
  auto second_gate = std::make_shared<gate>();
  on_fiber([&] {
    auto f = weft::spawn([&] {
      blocking_abandonable([&inside, &result_ended, &ran_on, n = noted(closure_ended)] {
        ran_on = std::this_thread::get_id();
        inside.pass();
        return noted(result_ended);
      });
    });
    inside.until_entered();
    f.cancel();
    CHECK(was_cancelled(f));
    CHECK(closure_ended.load() == std::thread::id());
    inside.let_go();
    auto g = weft::spawn([second_gate, &thrown] {
      blocking_abandonable([second_gate, &thrown] {
        second_gate->pass();
        thrown = true;
        throw std::runtime_error("nobody hears this");
      });
    });
    second_gate->until_entered();
    g.cancel();
    CHECK(was_cancelled(g));
    second_gate->let_go();
  });  // which waits for both
  CHECK(ran_on.load() != std::thread::id());
  CHECK(closure_ended.load() == ran_on.load());
  CHECK(result_ended.load() == ran_on.load());
  CHECK(thrown);
  CHECK(second_gate.use_count() == 1);
}

TEST_CASE("a deadline withdraws what is queued and waits for what has begun") {
  for (std::uint64_t seed = 1; seed <= scaled(20); ++seed) {
    simulation one(seed, {.blocking_threads = 1});
    one.run([] {
      gate inside;
      bool ran = false;
      auto f = weft::spawn([&] {
        return weft::with_timeout(1h, [&] {
          return blocking([&] {
            inside.pass();
            return 5;
          });
        });
      });
      inside.until_entered();  // during which the clock stands still
      CHECK_THROWS_AS(weft::with_timeout(2h, [&] { blocking([&] { ran = true; }); }), weft::timed_out);
      CHECK_THROWS_AS(weft::with_timeout(0s, [&] { blocking([&] { ran = true; }); }), weft::timed_out);
      CHECK(!f.done());
      inside.let_go();
      CHECK(f.join() == 5);
      CHECK(!ran);
    });
  }
}

TEST_CASE("a call sees its caller's context variables, and what it sets stays with it") {
  static weft::context_var<int> v(1);
  on_fiber([] {
    CHECK(blocking([] { return v.get(); }) == 1);
    const auto token = v.set(2);
    CHECK(blocking([&] {
            CHECK(refuses(std::errc::operation_not_permitted, "elsewhere", [&] { return v.reset(token), 0; }));
            const int before = v.get();
            v.set(3);
            return before * 10 + v.get();
          }) == 23);
    CHECK(v.get() == 2);
    CHECK(blocking_abandonable([] { return v.get(); }) == 2);
    v.reset(token);
    CHECK(blocking([] { return v.is_set(); }) == false);
  });
}
