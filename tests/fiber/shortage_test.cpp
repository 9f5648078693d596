// SPDX-License-Identifier: BSL-1.0
// Fibers for which there is no stack. Each case is a process of its own, in which guards may use few mappings.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>
#include <weft/weft.hpp>

#include "fiber/few_stacks.hpp"
#include "poll/clock.hpp"
#include "sched/scheduler.hpp"
#include "sched/seams.hpp"
#include "support/alone.hpp"
#include "support/asleep.hpp"
#include "support/refusal.hpp"
#include "support/scale.hpp"
#include "support/session.hpp"

using namespace std::chrono_literals;
using weft::test::active_sanitizer;
using weft::test::few;
using weft::test::passes_with_few_stacks;
using weft::test::refuses;
using weft::test::run_alone;
using weft::test::sanitizer;

namespace {

// Whether it was destroyed on a fiber, where it may park.
class body_of_a_waiting_fiber {
 public:
  explicit body_of_a_waiting_fiber(std::atomic<int>& gone) : gone_(&gone) {}
  body_of_a_waiting_fiber(body_of_a_waiting_fiber&& other) noexcept : gone_(std::exchange(other.gone_, nullptr)) {}
  body_of_a_waiting_fiber& operator=(body_of_a_waiting_fiber&&) = delete;
  ~body_of_a_waiting_fiber() {
    if (!gone_) return;
    CHECK(weft::this_fiber::on_fiber());
    weft::this_fiber::yield();
    ++*gone_;
  }
  void operator()() const { weft::this_fiber::sleep_until(weft::never); }

 private:
  std::atomic<int>* gone_;
};

// Goes on by 20 ms with every look, so that a worker soon has nothing left to tidy and sleeps without an end. Can hold
// worker 1 up, at one of its looks.
class leaping_clock final : public weft::detail::clock {
 public:
  std::int64_t now() noexcept override {
    const weft::detail::worker* const here = weft::detail::current_worker();
    if (here && here->index() == 1 && looks_ > 0 && --looks_ == 0) {
      holds_ = true;
      while (holds_) std::this_thread::yield();
    }
    return now_ += 20'000'000;
  }
  void hold_at_look(int which) noexcept { looks_ = which; }
  [[nodiscard]] bool holds() const noexcept { return holds_; }
  void let_go() noexcept { holds_ = false; }

 private:
  std::atomic<std::int64_t> now_{0};
  std::atomic<int> looks_{0};
  std::atomic<bool> holds_{false};
};

}  // namespace

TEST_CASE("alone: more fibers than stacks" * doctest::skip()) {
  weft::run([] {
    std::atomic<std::size_t> ran{0};
    for (std::size_t i = 0; i < 10 * few; ++i) {
      weft::go([&ran] {
        weft::this_fiber::sleep_for(100us);
        ++ran;
      });
    }
    weft::with_scope([&](weft::scope& s) {  // spawned before anybody knows
      for (std::size_t i = 0; i < 10 * few; ++i) {
        s.spawn({.stack_size = i % 3 ? std::size_t(0) : std::size_t(64 << 10), .worker = i % 10 ? -1 : 0}, [&ran] {
          weft::this_fiber::sleep_for(100us);
          ++ran;
        });
      }
    });
    while (ran != 20 * few) weft::this_fiber::sleep_for(1ms);
  });
}
TEST_CASE("alone: more fibers than stacks on a worker that is never idle" * doctest::skip()) {
  weft::run([] {
    std::size_t ran = 0;
    const auto body = [&ran] {
      weft::this_fiber::sleep_for(100us);
      ++ran;
    };
    for (std::size_t i = 0; i < 2 * few; ++i) weft::go(body);
    while (ran != 2 * few) weft::this_fiber::yield();
  });
}
TEST_CASE("alone: more fibers for each worker than stacks" * doctest::skip()) {
  weft::run(
      [] {
        std::atomic<bool> held{false}, may_go{false};
        auto holder = weft::spawn({.worker = 1 - int(weft::detail::current_worker()->index())}, [&] {
          held = true;
          while (!may_go) std::this_thread::yield();
        });
        while (!held) weft::this_fiber::yield();
        weft::with_scope([&](weft::scope& s) {  // spawned before anybody knows
          for (unsigned i = 0; i < 10 * few; ++i) {
            s.spawn({.worker = int(i % 2)}, [i] {
              CHECK(weft::detail::current_worker()->index() == i % 2);
              weft::this_fiber::sleep_for(100us);
            });
          }
          may_go = true;
        });
      },
      {.workers = 2});
}
TEST_CASE("alone: cancelled while it waits for a stack" * doctest::skip()) {
  std::atomic<int> gone{0};  // the last bodies go when the main fiber has ended
  weft::run([&gone] {
    std::vector<weft::fiber<>> waiting;
    // One worker runs the newest first: this one's turn does not come before there are no stacks.
    auto late = weft::with_deadline(1ms, [] { return weft::spawn([] { CHECK(false); }); });
    for (std::size_t i = 0; i < 2 * few; ++i) waiting.push_back(weft::spawn(body_of_a_waiting_fiber(gone)));
    weft::this_fiber::sleep_for(10ms);
    CHECK(refuses(std::errc::operation_canceled, "was cancelled", [&late] { return late.join(), 0; }));
    auto& last = waiting.front();
    CHECK(!last.join_until(1ms));
    last.cancel();
    CHECK(refuses(std::errc::operation_canceled, "was cancelled", [&last] { return last.join(), 0; }));
    CHECK(gone == 1);
    waiting.clear();
    CHECK(gone == int(2 * few));
    CHECK(weft::stats().live_fibers == 1);
    for (std::size_t i = 0; i < 2 * few; ++i) weft::go(body_of_a_waiting_fiber(gone));  // for the end of the runtime
  });
  CHECK(gone == int(4 * few));
}
TEST_CASE("alone: the last one goes before others come" * doctest::skip()) {
  std::atomic<int> gone{0};
  weft::run(
      [&gone] {
        const int here = int(weft::detail::current_worker()->index());
        std::atomic<bool> held{false}, may_go{false};
        auto holder = weft::spawn({.worker = 1 - here}, [&] {
          held = true;
          while (!may_go) std::this_thread::yield();
        });
        while (!held) weft::this_fiber::yield();
        std::vector<weft::fiber<>> late, waiting;
        for (std::size_t i = 0; i < few / 2; ++i)
          late.push_back(weft::spawn({.worker = 1 - here}, body_of_a_waiting_fiber(gone)));
        for (std::size_t i = 0; i < 2 * few; ++i)
          waiting.push_back(weft::spawn({.worker = here}, body_of_a_waiting_fiber(gone)));
        weft::this_fiber::yield();  // all of them come before this one again
        waiting.back().cancel();
        CHECK(waiting.back().join_until(weft::never));
        may_go = true;
        holder.join();
      },
      {.workers = 2});
  CHECK(gone == int(few / 2 + 2 * few));
}
TEST_CASE("alone: no stack at all" * doctest::skip()) {
  CHECK(refuses(std::errc::not_enough_memory, "vm.max_map_count", [] { return weft::run([] { return 1; }); }));
  CHECK(refuses(std::errc::not_enough_memory, "vm.max_map_count",
                [] { return weft::run([] { return 1; }, {.workers = 20}); }));
}
TEST_CASE("alone: no stack of that size" * doctest::skip()) {
  weft::run([] {
    rlimit limit{};
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = std::size_t(4) << 30;
    setrlimit(RLIMIT_AS, &limit);
    auto huge = weft::spawn({.stack_size = std::size_t(16) << 30}, [] {});
    CHECK(!huge.join_until(10ms));
    CHECK(refuses(std::errc::not_enough_memory, "RLIMIT_AS", [] { return weft::go([] {}), 0; }));
    huge.cancel();
    CHECK(refuses(std::errc::operation_canceled, "was cancelled", [&huge] { return huge.join(), 0; }));
    weft::spawn([] {}).join();
  });
}
TEST_CASE("alone: fibers wait long for a stack" * doctest::skip()) {
  weft::run([] {
    std::vector<weft::fiber<>> all;
    for (std::size_t i = 0; i < 2 * few; ++i)
      all.push_back(weft::spawn([] { weft::this_fiber::sleep_until(weft::never); }));
    weft::this_fiber::sleep_for(1100ms);
  });
}
TEST_CASE("alone: counts those who wait for a stack" * doctest::skip()) {
  weft::run([] {
    std::size_t started = 0;
    std::vector<weft::fiber<>> all;
    for (std::size_t i = 0; i < 2 * few; ++i) {
      all.push_back(weft::spawn([&started] {
        ++started;
        weft::this_fiber::sleep_until(weft::never);
      }));
    }
    weft::this_fiber::sleep_for(1ms);
    CHECK(started < all.size());
    CHECK(weft::stats().parked == started);
  });
}
TEST_CASE("alone: a worker goes to sleep while another one runs out of stacks" * doctest::skip()) {
  leaping_clock clock;
  weft::runtime r({.workers = 2, .hog_threshold = 0ns}, weft::detail::seams{.clock = &clock});
  weft::detail::worker& other = scheduler_of(r).worker_at(1);
  // It keeps some stacks.
  std::vector<weft::fiber<>> all;
  for (int i = 0; i < 8; ++i) all.push_back(r.spawn({.worker = 1}, [] { weft::this_fiber::sleep_until(weft::never); }));
  while (weft::stats().parked != all.size()) std::this_thread::yield();
  all.clear();
  while (!weft::test::is_asleep(other.thread_id())) std::this_thread::yield();
  clock.hold_at_look(3);  // behind the poller, and once for each population: it has looked at what it keeps for fibers
  other.wake();
  while (!clock.holds()) std::this_thread::yield();
  std::atomic<std::size_t> started{0};
  CHECK(refuses(std::errc::not_enough_memory, "vm.max_map_count", [&] {
    for (;;) {
      all.push_back(r.spawn({.worker = 0}, [&started] {
        ++started;
        weft::this_fiber::sleep_until(weft::never);
      }));
    }
  }));
  const std::size_t before = started;
  clock.let_go();
  while (started == before) std::this_thread::yield();  // those stacks serve
}

TEST_CASE("fibers that were spawned before anybody knew wait for the stacks of others") {
  // A second worker would begin, and find out, while they are being spawned.
  passes_with_few_stacks("alone: more fibers than stacks", "80", {"WEFT_WORKERS=1"});
  passes_with_few_stacks("alone: more fibers than stacks on a worker that is never idle", "80", {"WEFT_WORKERS=1"});
  passes_with_few_stacks("alone: more fibers for each worker than stacks");
}

TEST_CASE("a fiber that is cancelled while it waits for a stack is destroyed on a fiber") {
  passes_with_few_stacks("alone: cancelled while it waits for a stack", "80", {"WEFT_WORKERS=1"});
}

TEST_CASE("who comes to wait for a stack when the last of those before has gone is not lost") {
  passes_with_few_stacks("alone: the last one goes before others come");
}

TEST_CASE("where no fiber has a stack, those that wait fail and say why") {
  // Those that the workers have in reserve are all that there are.
  passes_with_few_stacks("alone: no stack at all", std::to_string(2 * weft::test::workers()));
}

TEST_CASE("a fiber whose stack is larger than the address space waits without harm to others") {
  if (active_sanitizer != sanitizer::none) {
    weft::test::skip("the sanitizers' own address space has no limit");
    return;
  }
  passes_with_few_stacks("alone: no stack of that size", "200");
}

TEST_CASE("fibers that wait long for a stack are told of on stderr, with the reason") {
  const auto end = run_alone("alone: fibers wait long for a stack", {"WEFT_DEBUG=guards=mprotect,mappings=80"});
  CHECK(end.status == 0);
  CHECK(end.how_often(" fibers wait for a stack: weft: no more guarded stacks") == 1);
}

TEST_CASE("a fiber that waits for a stack does not count as parked") {
  passes_with_few_stacks("alone: counts those who wait for a stack", "80", {"WEFT_WORKERS=1"});
}

TEST_CASE("a worker that is about to sleep when stacks run out gives back those that it keeps") {
  passes_with_few_stacks("alone: a worker goes to sleep while another one runs out of stacks");
}
