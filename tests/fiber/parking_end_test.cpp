// SPDX-License-Identifier: BSL-1.0
// Ends of fibers that take their time: bodies, results and hooks that park while they are destroyed or called.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/alone.hpp"
#include "support/scale.hpp"
#include "support/simulated.hpp"

using namespace std::chrono_literals;
using weft::test::run_alone;
using weft::test::scaled;
using weft::test::simulate;

namespace {

// Parks while it is destroyed, unless it was moved from.
class lingering {
 public:
  explicit lingering(std::atomic<int>& gone) : gone_(&gone) {}
  lingering(lingering&& other) noexcept : gone_(std::exchange(other.gone_, nullptr)) {}
  lingering& operator=(lingering&& other) = delete;
  ~lingering() {
    if (!gone_) return;
    weft::this_fiber::yield();
    weft::this_fiber::sleep_for(1us);
    ++*gone_;
  }

 private:
  std::atomic<int>* gone_;
};

// Every way in which a fiber can end whose body, result or error is one that lingers. How many there were.
int linger(std::atomic<int>& gone) {
  weft::spawn([c = lingering(gone)] {}).join();
  (void)weft::spawn([&gone] { return lingering(gone); }).join();
  {
    auto dropped = weft::spawn([&gone] { return lingering(gone); });
    (void)dropped.join_until(weft::never);
  }
  weft::spawn([&gone] { return lingering(gone); }).detach();
  auto late = weft::spawn([&gone] {
    weft::this_fiber::yield();
    return lingering(gone);
  });
  weft::this_fiber::yield();
  std::move(late).detach();
  weft::go([&gone] { return lingering(gone); });
  weft::go([c = lingering(gone)] {});
  weft::with_scope([&gone](weft::scope& s) {
    s.spawn([&gone] { return lingering(gone); });
    s.spawn([c = lingering(gone)] {});
  });
  CHECK_THROWS_AS(weft::spawn([&gone] { throw lingering(gone); }).join(), lingering);
  return 10;
}

void linger_and_wait(std::size_t times) {
  std::atomic<int> gone{0};
  int expected = 0;
  for (std::size_t i = 0; i < times; ++i) expected += linger(gone);
  while (gone != expected) weft::this_fiber::sleep_for(10us);
}

}  // namespace

TEST_CASE("bodies, results and errors may park while they are destroyed") {
  simulate([] { linger_and_wait(3); });
}

TEST_CASE("alone: movable fibers linger" * doctest::skip()) {
  std::atomic<int> heard{0};
  const int rounds = int(scaled(100, 10));
  weft::run(
      [rounds] {
        std::vector<weft::fiber<>> all;
        for (int i = 0; i < 10; ++i) all.push_back(weft::spawn([rounds] { linger_and_wait(std::size_t(rounds)); }));
        for (int i = 0; i < rounds; ++i) {
          weft::go([] { throw std::runtime_error("of a go fiber"); });
          auto failed = weft::spawn([] { throw std::runtime_error("of one whose handle is dropped"); });
          CHECK(failed.join_until(weft::never));
        }
        for (auto& f : all) f.join();
      },
      {.workers = 3, .movable = true, .on_unhandled = [&heard](std::exception_ptr, weft::fiber_ref) {
         weft::this_fiber::yield();
         weft::this_fiber::sleep_for(1us);
         ++heard;
       }});
  CHECK(heard == 2 * rounds);
}

TEST_CASE("so may those of movable fibers, which go on on other workers then") {
  const auto end = run_alone("alone: movable fibers linger", {"WEFT_DEBUG=migrate=always"});
  CHECK(end.status == 0);
  CHECK(end.signal == 0);
  if (end.status != 0) std::fputs(end.said.c_str(), stderr);
}

TEST_CASE("a scope is not left before the results of its children are destroyed") {
  simulate([] {
    std::atomic<int> gone{0};
    weft::with_scope([&gone](weft::scope& s) {
      for (int i = 0; i < 5; ++i) s.spawn([&gone] { return lingering(gone); });
    });
    CHECK(gone == 5);
  });
}

TEST_CASE("a body that never runs may park while it is destroyed, although its fiber is cancelled") {
  simulate([] {
    std::atomic<int> gone{0};
    auto never_started = weft::spawn([c = lingering(gone)] {});
    never_started.cancel();
    CHECK_THROWS_AS(never_started.join(), std::system_error);
    CHECK(gone == 1);
    weft::with_scope([&gone](weft::scope& s) {
      s.spawn([c = lingering(gone)] {});
      s.cancel();
    });
    CHECK(gone == 2);
  });
}

TEST_CASE("a cancelled fiber's result may park while it is destroyed") {
  std::atomic<int> gone{0};
  weft::run([&] {
    std::atomic<bool> ready{false};
    weft::go([&] {
      ready = true;
      try {
        weft::this_fiber::sleep_until(weft::never);
      } catch (const weft::cancelled&) {
      }
      return lingering(gone);
    });
    while (!ready) weft::this_fiber::yield();
  });
  CHECK(gone == 1);
}

TEST_CASE("on_unhandled may park, on whichever fiber it is called") {
  std::atomic<int> heard{0};
  const auto hook = [&heard](std::exception_ptr, weft::fiber_ref) {
    weft::this_fiber::yield();
    weft::this_fiber::sleep_for(1us);
    ++heard;
  };
  for (const bool movable : {false, true}) {
    heard = 0;
    const int rounds = int(scaled(200, 10));
    weft::run(
        [&] {
          for (int i = 0; i < rounds; ++i) {
            weft::go([] { throw std::runtime_error("of a go fiber"); });
            weft::spawn([] { throw std::runtime_error("of one that is detached"); }).detach();
            auto failed = weft::spawn([] { throw std::runtime_error("of one whose handle is dropped"); });
            CHECK(failed.join_until(weft::never));
          }
          while (heard != 3 * rounds) weft::this_fiber::sleep_for(10us);
        },
        {.movable = movable, .on_unhandled = hook});
    CHECK(heard == 3 * rounds);
  }
}

TEST_CASE("what on_unhandled keeps in fiber-locals and context variables ends with its fiber") {
  const auto kept = std::make_shared<int>();
  weft::fiber_local<std::shared_ptr<int>> local;
  weft::context_var<std::shared_ptr<int>> variable;
  std::atomic<int> heard{0};
  weft::run(
      [&] {
        for (int round = 1; round <= 10; ++round) {
          weft::go([] { throw std::runtime_error("of a go fiber"); });
          while (heard != round) weft::this_fiber::yield();
          weft::spawn([&] {
            CHECK(!local.find());
            CHECK(!variable.get());
          }).join();
        }
      },
      {.on_unhandled = [&](std::exception_ptr, weft::fiber_ref) {
        local.set(kept);
        variable.set(kept);
        ++heard;
      }});
  CHECK(kept.use_count() == 1);
}

TEST_CASE("on_unhandled does not hear of tasks: what they throw unobserved ends the runtime") {
  const auto fails = []() -> weft::stackless::task<> {
    throw std::runtime_error("of a task");
    co_return;
  };
  int heard = 0;
  CHECK_THROWS_WITH_AS(weft::run(
                           [&fails] {
                             weft::stackless::create_task(fails()).detach();
                             weft::this_fiber::sleep_until(weft::never);
                           },
                           {.on_unhandled = [&heard](std::exception_ptr, weft::fiber_ref) { ++heard; }}),
                       "of a task", std::runtime_error);
  CHECK(heard == 0);
}

TEST_CASE("on_unhandled is not interrupted by the end of its runtime") {
  std::atomic<int> heard{0};
  weft::run(
      [] {
        std::atomic<bool> ready{false};
        weft::go([&ready] {
          ready = true;
          try {
            weft::this_fiber::sleep_until(weft::never);
          } catch (const weft::cancelled&) {
            throw std::runtime_error("instead");
          }
        });
        while (!ready) weft::this_fiber::yield();
      },
      {.on_unhandled = [&heard](std::exception_ptr, weft::fiber_ref) {
        weft::this_fiber::yield();
        weft::this_fiber::check_cancelled();
        ++heard;
      }});
  CHECK(heard == 1);
}

TEST_CASE("a handle that lets go at the moment its fiber ends loses neither result nor error") {
  std::atomic<int> gone{0}, heard{0};
  const std::size_t rounds = scaled(2000, 100);
  {
    weft::runtime r({.workers = 2, .on_unhandled = [&heard](std::exception_ptr, weft::fiber_ref) { ++heard; }});
    for (std::size_t i = 0; i < rounds; ++i) {
      const auto let_go = std::make_shared<std::atomic<bool>>(false);
      auto result = r.spawn([&gone, let_go] {
        while (!*let_go) weft::this_fiber::yield();
        return lingering(gone);
      });
      auto error = r.spawn([let_go] {
        while (!*let_go) weft::this_fiber::yield();
        throw std::runtime_error("let go");
      });
      if (i % 2 == 0) *let_go = true;
      std::move(result).detach();
      std::move(error).detach();
      *let_go = true;
    }
    while (r.stats().live_fibers != 0) std::this_thread::yield();
  }
  CHECK(gone == int(rounds));
  CHECK(heard == int(rounds));
}
