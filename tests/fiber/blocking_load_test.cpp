// SPDX-License-Identifier: BSL-1.0
// Many calls on the blocking pool, and the end of a runtime that has some.
#include <weft/fiber/blocking.hpp>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "fiber/blocking_gate.hpp"
#include "fiber/cancelled.hpp"
#include "support/alone.hpp"
#include "support/litmus.hpp"
#include "support/scale.hpp"
#include "support/simulated.hpp"

using namespace std::chrono_literals;
using namespace weft::test;
using weft::blocking;
using weft::blocking_abandonable;

namespace {

// This process's stderr, as long as it lives: what is written there can be waited for, and goes on to where it went.
class heard_stderr {
 public:
  heard_stderr() : before_(::dup(STDERR_FILENO)) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[1]);
    heard_ = ends[0];
  }
  heard_stderr(const heard_stderr&) = delete;
  heard_stderr& operator=(const heard_stderr&) = delete;
  ~heard_stderr() {
    ::dup2(before_, STDERR_FILENO);
    ::close(before_);
    ::close(heard_);
  }

  // Blocks the thread; for one thread at a time.
  void until_said(const std::string& what) {
    std::string said;
    char buffer[512];
    while (said.find(what) == std::string::npos) {
      const auto got = ::read(heard_, buffer, sizeof buffer);
      if (got <= 0) return;
      said.append(buffer, std::size_t(got));
      (void)!::write(before_, buffer, std::size_t(got));
    }
  }

 private:
  int before_, heard_;
};

const std::string line_of_the_end = "waits for a blocking call begun at";

}  // namespace

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
              about = true;
              blocking([&order, i] { order.push_back(i); });
            });
            until_parked(about);
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
  heard_stderr heard;
  std::atomic<bool> ended{false};
  weft::run(
      [&] {
        std::atomic<bool> begun{false};
        weft::go([&] {
          blocking([&] {
            begun = true;
            heard.until_said(line_of_the_end);
            ended = true;
          });
        });
        while (!begun) weft::this_fiber::yield();
      },
      {.workers = workers()});
  CHECK(ended);
}

TEST_CASE("alone: the end of the runtime waits for an abandoned call" * doctest::skip()) {
  const auto heard = std::make_shared<heard_stderr>();
  static std::atomic<bool> begun, ended;
  weft::run(
      [&] {
        auto f = weft::spawn([heard] {
          blocking_abandonable([heard] {
            begun = true;
            heard->until_said(line_of_the_end);
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
    CHECK(end.how_often(line_of_the_end) == 1);
    CHECK(end.said_this("blocking_load_test.cpp:"));
  }
}

// Caught by this: a waiter that leaves although the call has just ended, when nobody else frees it.
TEST_CASE("a call that ends at the moment it is abandoned is freed all the same") {
  const auto kept = std::make_shared<int>();
  weft::run(
      [&kept] {
        stagger wait(1);
        for (auto round = scaled(1'000); round > 0; --round) {
          const auto step = std::make_shared<std::atomic<int>>(0);
          auto f = weft::spawn([&kept, step, seed = wait.random()] {
            blocking_abandonable([kept, step, seed] {
              stagger mine(seed);
              *step = 1;
              spin_until([&step] { return *step == 2; });
              mine(512);
            });
          });
          while (*step == 0) weft::this_fiber::yield();
          f.cancel();  // it is ready now, and will look
          *step = 2;
          wait(512);
          CHECK(f.join_until(weft::never));
        }
      },
      {.workers = 1, .hog_threshold = 0ns});
  CHECK(kept.use_count() == 1);
}
