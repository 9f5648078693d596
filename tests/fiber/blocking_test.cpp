// SPDX-License-Identifier: BSL-1.0
// Calls on the blocking pool: what they hand back, when they are withdrawn, waited for, or left alone.
#include <weft/fiber/blocking.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/alone.hpp"
#include "support/refusal.hpp"
#include "support/scale.hpp"
#include "support/simulated.hpp"

using namespace std::chrono_literals;
using weft::blocking;
using weft::blocking_abandonable;
using weft::test::refuses;
using weft::test::run_alone;
using weft::test::scaled;
using weft::test::simulation;
using weft::test::workers;

namespace {

template <class F> void on_fiber(F&& body, unsigned threads = 64) {
  weft::run(std::forward<F>(body), {.workers = workers(), .blocking_threads = threads});
}

template <class T> bool was_cancelled(weft::fiber<T>& f) {
  return refuses(std::errc::operation_canceled, "the fiber was cancelled", [&] { return f.join(), 0; });
}

// Something that blocks, and a way to see that it does.
struct gate {
  void pass() {
    entered = true;
    entered.notify_all();
    open.wait(false);
  }
  void until_entered() const {
    while (!entered) weft::this_fiber::yield();
  }
  void let_go() {
    open = true;
    open.notify_all();
  }
  std::atomic<bool> entered{false}, open{false};
};

// Says on which thread it ends; copies and moved-from ones do not.
struct noted {
  explicit noted(std::atomic<std::thread::id>& where) : ended(&where) {}
  noted(noted&& other) noexcept : ended(std::exchange(other.ended, nullptr)) {}
  ~noted() {
    if (ended) *ended = std::this_thread::get_id();
  }
  std::atomic<std::thread::id>* ended;
};

}  // namespace

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
          auto queued = weft::spawn([&] {
            if (abandonable)
              blocking_abandonable([&ran, n = noted(ended)] { ran = true; });
            else
              blocking([&ran, n = noted(ended)] { ran = true; });
          });
          auto later = weft::spawn([&] { return blocking([] { return 1; }); });
          for (int i = 0; i < 20; ++i) weft::this_fiber::yield();
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
    CHECK_THROWS_AS(weft::with_timeout(1ms,
                                       [&] {
                                         blocking_abandonable([second_gate, &thrown] {
                                           second_gate->pass();
                                           thrown = true;
                                           throw std::runtime_error("nobody hears this");
                                         });
                                       }),
                    weft::timed_out);
    second_gate->let_go();
  });  // which waits for both
  CHECK(ran_on.load() != std::thread::id());
  CHECK(closure_ended.load() == ran_on.load());
  CHECK(result_ended.load() == ran_on.load());
  CHECK((thrown || !second_gate->entered));
  CHECK(second_gate.use_count() == 1);
}

TEST_CASE("a deadline withdraws what is queued and waits for what has begun") {
  on_fiber(
      [] {
        gate inside;
        bool ran = false;
        auto f = weft::spawn([&] {
          return weft::with_timeout(1ms, [&] {
            return blocking([&] {
              inside.pass();
              return 5;
            });
          });
        });
        inside.until_entered();
        CHECK_THROWS_AS(weft::with_timeout(1ms, [&] { blocking([&] { ran = true; }); }), weft::timed_out);
        CHECK_THROWS_AS(weft::with_timeout(0s, [&] { blocking([&] { ran = true; }); }), weft::timed_out);
        inside.let_go();
        CHECK(f.join() == 5);
        CHECK(!ran);
      },
      1);
}

TEST_CASE("calls that wait for a thread get it in the order in which they came") {
  on_fiber(
      [] {
        gate inside;
        std::vector<int> order;
        weft::with_scope([&](weft::scope& s) {
          s.spawn([&] { blocking([&] { inside.pass(); }); });
          inside.until_entered();
          for (int i = 0; i < 20; ++i) {
            std::atomic<bool> about{false};
            s.spawn({.worker = 0}, [&order, &about, i] {
              about = true;  // it does not leave its worker before it has submitted
              blocking([&order, i] { order.push_back(i); });
            });
            while (!about) weft::this_fiber::yield();
            weft::spawn({.worker = 0}, [] {}).join();
          }
          inside.let_go();
        });
        for (int i = 0; i < 20; ++i) CHECK(order[std::size_t(i)] == i);
      },
      1);
}

TEST_CASE("there are never more calls at once than the pool may have threads") {
  on_fiber(
      [] {
        std::atomic<int> now{0}, most{0};
        weft::with_scope([&](weft::scope& s) {
          for (std::size_t i = 0; i < scaled(2000); ++i) {
            s.spawn([&] {
              blocking([&] {
                const int here = ++now;
                int seen = most;
                while (here > seen && !most.compare_exchange_weak(seen, here)) {
                }
                std::this_thread::yield();
                --now;
              });
            });
          }
        });
        CHECK(most >= 1);
        CHECK(most <= 3);
      },
      3);
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

TEST_CASE("the clock of a simulated runtime jumps over what others wait for while a call runs") {
  simulation one(1);
  one.run([] {
    gate inside;
    bool slept = false;
    auto sleeper = weft::spawn([&] {
      inside.until_entered();
      weft::this_fiber::sleep_for(24h);
      slept = true;
      inside.let_go();
    });
    blocking([&] { inside.pass(); });
    CHECK(slept);
    sleeper.join();
  });
}

TEST_CASE("a fiber that may migrate waits for a call like any other") {
  weft::run(
      [] {
        std::atomic<std::size_t> sum{0};
        weft::with_scope([&](weft::scope& s) {
          for (std::size_t i = 0; i < scaled(500); ++i) s.spawn([&, i] { sum += blocking([i] { return i; }); });
        });
        CHECK(sum == scaled(500) * (scaled(500) - 1) / 2);
      },
      {.workers = workers(), .movable = true, .blocking_threads = 4});
}

TEST_CASE("stress: calls that ran and calls that were withdrawn make up the calls that were made") {
  std::atomic<std::size_t> ran{0}, returned{0}, cancelled{0}, abandoned_ran{0}, abandoned_left{0}, abandoned_back{0};
  const std::size_t count = scaled(4000);
  on_fiber(
      [&] {
        std::vector<weft::fiber<>> fibers;
        for (std::size_t i = 0; i < count; ++i) {
          fibers.push_back(weft::spawn([&, i] {
            try {
              if (i % 3 == 0) {
                blocking_abandonable([&ran = abandoned_ran] { ++ran; });
                ++abandoned_back;
              } else {
                blocking([&] { ++ran; });
                ++returned;
              }
            } catch (const weft::cancelled&) {
              ++(i % 3 == 0 ? abandoned_left : cancelled);
              throw;
            }
          }));
          if (i % 2) fibers[i / 2].cancel();
          if (i % 5 == 0) fibers.back().cancel();
          if (i % 7 == 0) weft::this_fiber::yield();
        }
        for (auto& f : fibers) f.cancel();
        std::size_t never_ran = 0;
        for (auto& f : fibers) {
          try {
            f.join();
          } catch (const std::system_error&) {
            ++never_ran;
          }
        }
        never_ran -= cancelled + abandoned_left;
        CHECK(returned + cancelled + abandoned_back + abandoned_left + never_ran == count);
      },
      3);
  CHECK(ran == returned);  // nobody who heard of a cancellation was called, and nobody else was left out
  CHECK(abandoned_ran >= abandoned_back);
  CHECK(abandoned_ran <= abandoned_back + abandoned_left);
}

TEST_CASE("alone: the end of the runtime waits for a begun call" * doctest::skip()) {
  std::atomic<bool> ended{false};
  weft::run(
      [&] {
        std::atomic<bool> begun{false};
        weft::go([&] {
          blocking([&] {
            begun = true;
            std::this_thread::sleep_for(1200ms);  // the line comes after a second of the runtime's own
            ended = true;
          });
        });
        while (!begun) weft::this_fiber::yield();
      },
      {.workers = workers()});
  CHECK(ended);
}

TEST_CASE("alone: the end of the runtime waits for an abandoned call" * doctest::skip()) {
  static std::atomic<bool> begun, ended;
  weft::run(
      [&] {
        auto f = weft::spawn([] {
          blocking_abandonable([] {
            begun = true;
            std::this_thread::sleep_for(1200ms);
            ended = true;
          });
        });
        while (!begun) weft::this_fiber::yield();
        f.cancel();
        CHECK(was_cancelled(f));
        CHECK(!ended);
      },
      {.workers = workers()});
  CHECK(ended);
}

TEST_CASE("a runtime that ends waits for begun calls and after a second says, once, where each was called") {
  for (const char* which : {"alone: the end of the runtime waits for a begun call",
                            "alone: the end of the runtime waits for an abandoned call"}) {
    const auto end = run_alone(which);
    CHECK(end.status == 0);
    CHECK(end.how_often("waits for a blocking call begun at") == 1);
    CHECK(end.said_this("blocking_test.cpp:"));
  }
}
