// SPDX-License-Identifier: BSL-1.0
// run(): results, and exceptions that nobody else observes.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#include <weft/weft.hpp>

#include "support/refusal.hpp"

using namespace std::chrono_literals;
using weft::test::refuses;

TEST_CASE("run returns what its function returns") {
  CHECK(weft::run([] { return 3; }) == 3);
  CHECK(*weft::run([] { return std::make_unique<int>(4); }) == 4);
  static int here = 0;
  CHECK(&weft::run([]() -> int& { return here; }) == &here);
  weft::run([] {});
  CHECK(weft::run([] { return weft::this_fiber::name() == "main"; }));
}

TEST_CASE("run throws what its function throws") {
  CHECK_THROWS_WITH_AS(weft::run([] { throw std::runtime_error("from main"); }), "from main", std::runtime_error);
  CHECK_THROWS_AS((void)weft::run([]() -> int { throw 1; }), int);
}

TEST_CASE("the caller of run never becomes a worker") {
  const auto caller = std::this_thread::get_id();
  weft::run([caller] {
    for (int i = 0; i < 100; ++i) CHECK(weft::spawn([] { return std::this_thread::get_id(); }).join() != caller);
  });
}

TEST_CASE("when the function has ended, every remaining fiber unwinds before run returns") {
  std::atomic<int> started{0}, unwound{0};
  weft::run([&] {
    for (int i = 0; i < 50; ++i) {
      weft::go([&, i] {
        const struct guard {
          std::atomic<int>& count;
          ~guard() { ++count; }
        } g{unwound};
        ++started;
        if (i % 2)
          weft::this_fiber::sleep_until(weft::never);
        else
          for (;;) weft::this_fiber::yield();
      });
    }
    while (started != 50) weft::this_fiber::yield();
  });
  CHECK(unwound == 50);
}

TEST_CASE("what fibers spawn while they are unwound by the end of run is unwound, too") {
  std::atomic<int> ran{0};
  weft::run([&] {
    weft::go([&ran] {
      const struct guard {
        std::atomic<int>& count;
        ~guard() {
          weft::go([&c = count] { ++c; });
          weft::this_fiber::yield();
        }
      } g{ran};
      weft::this_fiber::sleep_until(weft::never);
    });
    weft::this_fiber::yield();
  });
  CHECK(ran == 0);
}

TEST_CASE("an exception of a go fiber cancels everything and comes out of run") {
  bool main_was_cancelled = false;
  CHECK_THROWS_WITH_AS(weft::run([&] {
                         weft::go([] { throw std::runtime_error("unobserved"); });
                         try {
                           weft::this_fiber::sleep_until(weft::never);
                         } catch (const weft::cancelled&) {
                           main_was_cancelled = true;
                           throw;
                         }
                       }),
                       "unobserved", std::runtime_error);
  CHECK(main_was_cancelled);
}

TEST_CASE("an exception of a go fiber after the function returned comes out of run") {
  CHECK_THROWS_WITH_AS((void)weft::run([] {
                         std::atomic<bool>* ready = new std::atomic<bool>{false};
                         weft::go([ready] {
                           try {
                             *ready = true;
                             weft::this_fiber::sleep_until(weft::never);
                           } catch (const weft::cancelled&) {
                             delete ready;
                             throw std::runtime_error("while unwinding");
                           }
                         });
                         while (!*ready) weft::this_fiber::yield();
                         return 5;
                       }),
                       "while unwinding", std::runtime_error);
}

TEST_CASE("two unobserved exceptions come out of run as a group") {
  try {
    weft::run([] {
      static std::atomic<int> started{0};
      started = 0;
      for (int i = 0; i < 2; ++i) {
        weft::go([] {
          ++started;
          weft::shield([] {  // from the other one's exception
            while (started != 2) weft::this_fiber::yield();
          });
          throw std::runtime_error("one of two");
        });
      }
      weft::this_fiber::sleep_until(weft::never);
    });
    CHECK(false);
  } catch (const weft::exception_group& group) {
    CHECK(group.exceptions().size() == 2);
  }
}

TEST_CASE("a cancelled go fiber is no error") {
  weft::run([] {
    weft::go([] { throw weft::cancelled{}; });
    weft::go([] { weft::this_fiber::sleep_until(weft::never); });
    for (int i = 0; i < 10; ++i) weft::this_fiber::yield();
  });
}

TEST_CASE("on_unhandled gets what nobody observes, and the runtime goes on") {
  std::atomic<int> called{0};
  std::string what, name;
  weft::options with;
  with.on_unhandled = [&](std::exception_ptr error, weft::fiber_ref from) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      what = e.what();
    }
    name = from.name();
    ++called;
  };
  weft::run(
      [&] {
        weft::go({.name = "failing"}, [] { throw std::runtime_error("to the hook"); });
        while (called != 1) weft::this_fiber::yield();
        weft::this_fiber::check_cancelled();
        CHECK(what == "to the hook");
        CHECK(name == "failing");
        {
          auto dropped = weft::spawn([] { throw std::runtime_error("dropped"); });
          CHECK(dropped.join_until(weft::never));
        }
        CHECK(called == 2);
        CHECK(what == "dropped");
      },
      with);
}

TEST_CASE("run on a fiber is refused") {
  weft::run([] {
    CHECK(refuses(std::errc::operation_not_permitted, "run() on a fiber", [] { return weft::run([] { return 1; }); }));
  });
}

TEST_CASE("exceptions stay with their fiber across yields, sleeps and joins") {
  weft::run([] {
    std::vector<weft::fiber<>> all;
    for (int i = 0; i < 20; ++i) {
      all.push_back(weft::spawn([i] {
        try {
          throw i;
        } catch (int caught) {
          CHECK(caught == i);
          weft::this_fiber::yield();
          try {
            throw;
          } catch (int again) {
            CHECK(again == i);
          }
          weft::this_fiber::sleep_for(10us);
          CHECK_THROWS_AS(std::rethrow_exception(std::current_exception()), int);
          weft::spawn([] { CHECK(!std::current_exception()); }).join();
          CHECK_THROWS_AS(std::rethrow_exception(std::current_exception()), int);
        }
        CHECK(!std::current_exception());
        CHECK(std::uncaught_exceptions() == 0);
      }));
    }
    for (auto& f : all) f.join();
  });
}

TEST_CASE("a function that is named and cannot be copied is called where it is") {
  auto named = [mine = std::make_unique<int>(3)] { return *mine; };
  CHECK(weft::run(named) == 3);
  CHECK(weft::run(std::as_const(named)) == 3);
  CHECK(weft::run(std::move(named)) == 3);
}
