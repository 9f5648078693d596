// SPDX-License-Identifier: BSL-1.0
// Handles that meet the end of their runtime.
#include <doctest/doctest.h>
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>
#include <weft/weft.hpp>

#include "fiber/waiting.hpp"
#include "support/alone.hpp"
#include "support/litmus.hpp"
#include "support/scale.hpp"

using namespace std::chrono_literals;
using weft::test::run_alone;
using weft::test::scaled;

namespace {

// Ends with the program, behind all that was first used after main() had begun.
std::unique_ptr<weft::runtime> kept_to_the_end;

// A fiber of `of` that has ended by an exception which nobody has seen.
weft::fiber<> failed_fiber(weft::runtime& of) {
  auto failed = of.spawn([] { throw std::runtime_error("seen by nobody"); });
  CHECK(failed.join_until(weft::never));
  return failed;
}

// What a thread has run for until now.
std::chrono::nanoseconds processor_time_of(pthread_t thread) {
  clockid_t clock{};
  CHECK(pthread_getcpuclockid(thread, &clock) == 0);
  timespec run{};
  CHECK(clock_gettime(clock, &run) == 0);
  return std::chrono::seconds(run.tv_sec) + std::chrono::nanoseconds(run.tv_nsec);
}

}  // namespace

TEST_CASE("a runtime does not end while a thread tells it of a failed fiber that was dropped") {
  const pthread_t ending = pthread_self();
  std::atomic<bool> told{false}, gone{false};
  bool gone_too_early = false;
  std::optional<weft::runtime> r;
  r.emplace(weft::options{.on_unhandled = [&](std::exception_ptr, weft::fiber_ref) {
    const auto before = processor_time_of(ending);
    told = true;
    while (!gone && processor_time_of(ending) - before < 20ms) std::this_thread::yield();  // it spins while it waits
    gone_too_early = gone;
  }});
  auto failed = failed_fiber(*r);
  r->shutdown();  // so that the end has nothing else to wait for
  std::thread dropper([&] { failed = {}; });
  while (!told) std::this_thread::yield();
  r.reset();
  gone = true;
  dropper.join();
  CHECK(!gone_too_early);
}

TEST_CASE("a failed fiber may be dropped at the moment its runtime ends") {
  for (std::size_t i = 0; i < scaled(1000, 50); ++i) {
    std::optional<weft::runtime> r(std::in_place, weft::options{.workers = 1});
    weft::detail::will_take_errors(*r);  // or each would be a line on stderr
    auto failed = failed_fiber(*r);
    std::atomic<bool> go{false};
    std::thread dropper([&] {
      weft::test::stagger wait(i + 1);
      while (!go) {
      }
      wait(100'000);
      failed = {};
    });
    go = true;
    r.reset();
    dropper.join();
  }
}

TEST_CASE("on_unhandled hears of a failed fiber that is dropped between shutdown and the end of the runtime") {
  std::atomic<int> heard{0};
  weft::runtime r({.on_unhandled = [&](std::exception_ptr, weft::fiber_ref) { ++heard; }});
  auto failed = failed_fiber(r);
  r.shutdown();
  CHECK(heard == 0);
  failed = {};
  CHECK(heard == 1);
}

TEST_CASE("a failed fiber that a fiber of another runtime drops is told of to its own") {
  std::atomic<int> heard{0};
  weft::runtime r({.on_unhandled = [&](std::exception_ptr, weft::fiber_ref) { ++heard; }});
  weft::run([&] {
    auto failed = failed_fiber(r);
    failed = {};
    CHECK(heard == 1);
  });
}

TEST_CASE("handles are cancelled and dropped while their runtime ends") {
  for (std::size_t i = 0; i < scaled(400, 20); ++i) {
    std::optional<weft::runtime> r(std::in_place, weft::options{.workers = 2, .movable = i % 2 == 0});
    std::vector<weft::fiber<>> fibers;
    for (int k = 0; k < 8; ++k) fibers.push_back(r->spawn([] { weft::this_fiber::sleep_until(weft::never); }));
    std::atomic<bool> go{false};
    std::thread dropper([&] {
      while (!go) {
      }
      for (auto& f : fibers) f.cancel();
      fibers.clear();
    });
    go = true;
    r.reset();
    dropper.join();
  }
}

TEST_CASE("ends: a runtime that a static object keeps" * doctest::skip()) {
  weft::event begun;
  kept_to_the_end = std::make_unique<weft::runtime>();
  kept_to_the_end->go([&begun] {
    try {
      begun.set();
      weft::this_fiber::sleep_until(weft::never);
    } catch (const weft::cancelled&) {
      std::fputs("the last one\n", stderr);
    }
  });
  begun.wait();
}

TEST_CASE("a runtime that a static object keeps ends with the program, and has all that it needs until then") {
  const auto end = run_alone("ends: a runtime that a static object keeps");
  CHECK(end.signal == 0);
  CHECK(end.said_this("the last one"));
}

TEST_CASE("dies: a runtime that a fiber of its own destroys" * doctest::skip()) {
  auto r = std::make_unique<weft::runtime>();
  r->spawn([&r] { r.reset(); }).join();
}

TEST_CASE("a runtime that a fiber of its own destroys ends the process and says so") {
  const auto end = run_alone("dies: a runtime that a fiber of its own destroys");
  CHECK(end.signal == SIGABRT);
  CHECK(end.said_this("a runtime was destroyed on a fiber or task of its own"));
}

TEST_CASE("dies: a runtime that a blocking call of its own destroys" * doctest::skip()) {
  auto r = std::make_unique<weft::runtime>();
  r->spawn([&r] { weft::blocking([&r] { r.reset(); }); }).join();
}

TEST_CASE("a runtime that a blocking call of its own destroys ends the process and says so") {
  const auto end = run_alone("dies: a runtime that a blocking call of its own destroys");
  CHECK(end.signal == SIGABRT);
  CHECK(end.said_this("or in a call of its blocking pool"));
}

TEST_CASE("the memory of fibers serves the next runtime, also if a handle has kept it beyond the end of its own") {
  for (const bool is_kept : {false, true}) {
    constexpr std::size_t rounds = 20;
    std::set<const void*> seen;
    for (std::size_t i = 0; i < rounds; ++i) {
      weft::fiber<> one;
      weft::runtime r({.workers = 1});
      one = r.spawn([&seen] { seen.insert(weft::detail::current_fiber()); });
      CHECK(one.join_until(weft::never));
      if (!is_kept) one = {};
    }
    CHECK(seen.size() < rounds);
  }
}

TEST_CASE("the memory of a fiber serves the next, whatever its handle came to") {
  using weft::spawn;
  std::set<const void*> seen;
  const auto note = [&seen] { seen.insert(weft::detail::current_fiber()); };
  const auto number = [&] { return note(), 1; };
  const auto fail = [&] {
    note();
    throw 1;
  };
  const auto wait = [](auto one) {
    CHECK(one.join_until(weft::never));
    return one;
  };
  const auto end_of = [](auto one) {
    try {
      one.join();
    } catch (int) {
    } catch (const std::system_error&) {
    }
  };
  const std::function<void()> ways[] = {
      [&] { spawn(note).join(); },
      [&] { CHECK(spawn(number).join() == 1); },
      [&] { wait(spawn(note)).join(); },
      [&] { CHECK(wait(spawn(number)).join() == 1); },
      [&] { end_of(spawn(fail)); },
      [&] { end_of(wait(spawn(fail))); },
      [&] {
        auto cancelled = spawn([&] {
          note();
          weft::this_fiber::sleep_until(weft::never);
        });
        weft::this_fiber::yield();
        cancelled.cancel();
        end_of(std::move(cancelled));
      },
      [&] { (void)wait(spawn(number)); },
      [&] {
        spawn(note).detach();
        weft::this_fiber::yield();
      },
      [&] { wait(spawn(number)).detach(); },
  };
  for (const auto& way : ways) {
    weft::run(
        [&] {
          constexpr std::size_t rounds = 20;
          seen.clear();
          for (std::size_t i = 0; i < rounds; ++i) way();
          CHECK(seen.size() > 0);
          CHECK(seen.size() < rounds);
        },
        {.workers = 1});
  }
}
