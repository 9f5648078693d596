// SPDX-License-Identifier: BSL-1.0
// Cancellation and exceptions: clean-up, unwinding, handlers.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <exception>
#include <ostream>
#include <streambuf>
#include <string>
#include <weft/weft.hpp>

#include "fiber/cancelled.hpp"
#include "support/alone.hpp"
#include "support/function_ref.hpp"
#include "support/refusal.hpp"
#include "support/simulated.hpp"

using namespace std::chrono_literals;
using weft::test::refuses;
using weft::test::run_alone;
using weft::test::simulate;
using weft::test::was_cancelled;

TEST_CASE("a cancellation does not interrupt clean-up in destructors during unwinding") {
  simulate([] {
    struct cleaning {
      bool& whole;
      ~cleaning() {
        CHECK(!weft::this_fiber::cancelled());
        weft::this_fiber::sleep_for(1s);
        weft::this_fiber::yield();
        weft::this_fiber::check_cancelled();
        weft::spawn([] { weft::this_fiber::sleep_for(1s); }).join();
        whole = true;
      }
    };
    bool by_cancellation = false, by_error = false;
    auto f = weft::spawn([&] {
      const cleaning c{by_cancellation};
      weft::this_fiber::sleep_until(weft::never);
    });
    auto g = weft::spawn([&] {
      const cleaning c{by_error};
      throw 1;
    });
    weft::this_fiber::sleep_for(100ms);
    f.cancel();
    g.cancel();  // while it cleans up
    CHECK(was_cancelled(f));
    CHECK_THROWS_AS(g.join(), int);
    CHECK(by_cancellation);
    CHECK(by_error);
  });
}

TEST_CASE("a timeout that a destructor opens during unwinding works") {
  simulate([] {
    struct closing {
      int& timeouts;
      ~closing() {
        for (int i = 0; i < 3; ++i) timeouts += !weft::try_for(1s, [] { weft::this_fiber::sleep_for(1h); });
        try {
          weft::with_timeout(1s, [&] {
            const struct inner {
              ~inner() { weft::this_fiber::sleep_for(10s); }
            } deeper;
            weft::this_fiber::sleep_for(1h);
          });
        } catch (const weft::timed_out&) {
          ++timeouts;
        }
        weft::with_scope([&](weft::scope& s) {
          s.spawn([&] { ++timeouts; });
          weft::this_fiber::sleep_for(1s);
        });
      }
    };
    int timeouts = 0;
    auto f = weft::spawn([&] {
      const closing c{timeouts};
      weft::this_fiber::sleep_until(weft::never);
    });
    weft::this_fiber::sleep_for(1ms);
    f.cancel();
    CHECK(was_cancelled(f));
    CHECK(timeouts == 5);
  });
}

TEST_CASE("unwinding by cancellation runs every destructor, in order") {
  simulate([] {
    std::string order;
    struct mark {
      std::string& to;
      char what;
      ~mark() { to += what; }
    };
    auto f = weft::spawn([&] {
      const mark a{order, 'a'};
      weft::with_timeout(1h, [&] {
        const mark b{order, 'b'};
        weft::with_scope([&](weft::scope& s) {
          const mark c{order, 'c'};
          s.spawn([&] {
            const mark child{order, 'k'};
            weft::this_fiber::sleep_until(weft::never);
          });
          weft::this_fiber::sleep_until(weft::never);
        });
      });
    });
    weft::this_fiber::sleep_for(1ms);
    f.cancel();
    CHECK(was_cancelled(f));
    CHECK(order.size() == 4);
    CHECK(order.find('c') < order.find('b'));
    CHECK(order.substr(2) == "ba");
  });
}

TEST_CASE("catching std::exception lets a cancellation pass") {
  simulate([] {
    auto f = weft::spawn([] {
      try {
        weft::this_fiber::sleep_until(weft::never);
      } catch (const std::exception&) {
        CHECK(false);
      }
    });
    weft::this_fiber::sleep_for(1ms);
    f.cancel();
    CHECK(was_cancelled(f));
  });
}

TEST_CASE("an iostream swallows a cancellation, and the next cancellation point throws it again") {
  simulate([] {
    struct slow : std::streambuf {
      int overflow(int c) override {
        weft::this_fiber::sleep_until(weft::never);
        return c;
      }
    };
    bool went_on = false;
    auto f = weft::spawn([&went_on] {
      slow buffer;
      std::ostream out(&buffer);
      out << "x";
      CHECK(out.bad());
      went_on = true;
      weft::this_fiber::yield();
      CHECK(false);
    });
    weft::this_fiber::sleep_for(1ms);
    f.cancel();
    CHECK(was_cancelled(f));
    CHECK(went_on);
  });
}

namespace {

// On a fiber that is cancelled while it waits in `body`.
template <class F> void cancel_within(F body) {
  std::signal(SIGABRT, SIG_DFL);
  std::set_terminate([] { std::_Exit(77); });
  weft::run([&body] {
    auto f = weft::spawn(body);
    while (weft::stats().parked == 0) weft::this_fiber::yield();
    f.cancel();
    f.join();
  });
}

}  // namespace

TEST_CASE("alone: a cancellation would leave a noexcept function" * doctest::skip()) {
  cancel_within([]() noexcept { weft::this_fiber::sleep_until(weft::never); });
}
TEST_CASE("alone: a cancellation would leave a destructor" * doctest::skip()) {
  cancel_within([] {
    struct waiting {
      ~waiting() { weft::this_fiber::sleep_until(weft::never); }
    };
    const waiting one;
  });
}

TEST_CASE("a cancellation that would leave a noexcept function or a destructor ends in std::terminate") {
  CHECK(run_alone("alone: a cancellation would leave a noexcept function").status == 77);
  CHECK(run_alone("alone: a cancellation would leave a destructor").status == 77);
}

TEST_CASE("the end of the runtime does not keep the children of a scope behind a shield from running") {
  std::atomic<int> ran{0};
  weft::run([&ran] {
    std::atomic<bool> ready{false};
    weft::go([&] {
      ready = true;
      try {
        weft::this_fiber::sleep_until(weft::never);
      } catch (const weft::cancelled&) {
        weft::shield([&ran] {
          weft::with_scope([&ran](weft::scope& s) {
            for (int child = 0; child < 3; ++child) s.spawn([&ran] { ++ran; });
          });
        });
        throw;
      }
    });
    while (!ready) weft::this_fiber::yield();
  });
  CHECK(ran == 3);
}

TEST_CASE("the end of the runtime does not cut short the children of a scope behind a shield that run already") {
  std::atomic<int> ready{0}, ran{0};
  std::atomic<bool> ends{false};
  weft::run([&] {
    weft::go([&] {
      weft::shield([&] {
        weft::with_scope([&](weft::scope& s) {
          for (int child = 0; child < 3; ++child) {
            s.spawn([&] {
              ++ready;
              while (!ends) weft::this_fiber::yield();
              weft::this_fiber::yield();
              ++ran;
            });
          }
        });
      });
    });
    weft::go([&] {
      ++ready;
      try {
        weft::this_fiber::sleep_until(weft::never);
      } catch (const weft::cancelled&) {
        ends = true;
        throw;
      }
    });
    while (ready != 4) weft::this_fiber::yield();
  });
  CHECK(ran == 3);
}

TEST_CASE("what a fiber handles while it receives or joins is its own afterwards, whoever goes on first") {
  const auto handle = [](int number, weft::test::function_ref<void()> wait) {
    try {
      throw number;
    } catch (int) {
      wait();
      try {
        throw;
      } catch (int again) {
        CHECK(again == number);
      }
    }
  };
  for (const bool forwards : {true, false}) {
    weft::run(
        [&] {
          weft::channel<int> one, two;
          auto a = weft::spawn([&] { handle(1, [&] { one.receive(); }); });
          auto b = weft::spawn([&] { return handle(2, [&] { two.receive(); }), 7; });
          auto c = weft::spawn([&] { handle(3, [&] { a.join(); }); });
          auto d = weft::spawn([&] { handle(4, [&] { CHECK(b.join() == 7); }); });
          while (weft::stats().parked != 4) weft::this_fiber::yield();
          (forwards ? one : two).send(1);
          (forwards ? two : one).send(1);
          c.join();
          d.join();
        },
        {.workers = 1});
  }
}
