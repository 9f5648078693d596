// SPDX-License-Identifier: BSL-1.0
// The sleeping functions, on threads and on fibers.
#include <doctest/doctest.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <weft/hooks.hpp>
#include <weft/weft.hpp>

#include "hooks/stage.hpp"
#include "support/simulated.hpp"

using namespace std::chrono_literals;
using weft::test::simulate;

namespace {

constexpr timespec hour{3600, 0}, moment{0, 50'000};

std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

timespec shown_by(clockid_t clock, long later) {
  timespec at{};
  clock_gettime(clock, &at);
  at.tv_nsec += later;
  at.tv_sec += at.tv_nsec / 1'000'000'000;
  at.tv_nsec %= 1'000'000'000;
  return at;
}

bool is_over(const timespec& at, clockid_t clock) {
  const timespec now = shown_by(clock, 0);
  return now.tv_sec > at.tv_sec || (now.tv_sec == at.tv_sec && now.tv_nsec >= at.tv_nsec);
}

// What a C library does between a hooked call and the C++ code around it.
extern "C" int call_back(int (*what)(void*), void* with) { return what(with); }

}  // namespace

WEFT_SCENARIO("a sleep takes its time and says so") {
  WEFT_CALL(s.says(), sleep, 0);
  WEFT_CALL(s.says(), usleep, 0);
  WEFT_CALL(s.says(), usleep, 1'100);
  timespec left{7, 7};
  WEFT_CALL(s.says(), nanosleep, &moment, &left);
  WEFT_CALL(s.says(), nanosleep, &moment, nullptr);
  WEFT_CALL(s.says(), thrd_sleep, &moment, &left);
  s.says().note("left untouched: " + std::to_string(left.tv_sec));
}

WEFT_SCENARIO("a sleep by a clock, relative and absolute") {
  for (const clockid_t clock : {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_TAI}) {
    timespec left{7, 7};
    WEFT_CALL(s.says(), clock_nanosleep, clock, 0, &moment, &left);
    const timespec past = shown_by(clock, 0), soon = shown_by(clock, 2'000'000), ancient{1, 0};
    WEFT_CALL(s.says(), clock_nanosleep, clock, TIMER_ABSTIME, &ancient, &left);
    WEFT_CALL(s.says(), clock_nanosleep, clock, TIMER_ABSTIME, &past, nullptr);
    WEFT_CALL(s.says(), clock_nanosleep, clock, TIMER_ABSTIME, &soon, &left);
    s.says().note(is_over(soon, clock) ? "it is over" : "it came back too early");
    s.says().note("left untouched: " + std::to_string(left.tv_sec));
  }
}

WEFT_SCENARIO("a sleep that makes no sense is refused") {
  for (const timespec& wrong : {timespec{-1, 0}, timespec{0, -1}, timespec{0, 1'000'000'000}}) {
    WEFT_CALL(s.says(), nanosleep, &wrong, nullptr);
    WEFT_CALL(s.says(), clock_nanosleep, CLOCK_MONOTONIC, 0, &wrong, nullptr);
    WEFT_CALL(s.says(), clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &wrong, nullptr);
    WEFT_CALL(s.says(), clock_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, &wrong, nullptr);
    WEFT_CALL(s.says(), thrd_sleep, &wrong, nullptr);
  }
  WEFT_CALL(s.says(), clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &moment, nullptr);
  WEFT_CALL(s.says(), clock_nanosleep, 99, 0, &moment, nullptr);
}

TEST_CASE("fibers that sleep in libc's functions sleep at the same time") {
  simulate([] {
    const auto begin = now();
    weft::with_scope([](weft::scope& all) {
      all.spawn([] { CHECK(sleep(3600) == 0); });
      all.spawn([] {
        for (int i = 0; i < 3600; ++i) CHECK(usleep(1'000'000) == 0);
      });
      all.spawn([] { CHECK(nanosleep(&hour, nullptr) == 0); });
      all.spawn([] { CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &hour, nullptr) == 0); });
      all.spawn([] {
        timespec at = hour;
        at.tv_sec += std::chrono::duration_cast<std::chrono::seconds>(now().time_since_epoch()).count();
        CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) == 0);
      });
      all.spawn([] { CHECK(thrd_sleep(&hour, nullptr) == 0); });
      all.spawn([] { std::this_thread::sleep_for(1h); });
      all.spawn([] { std::this_thread::sleep_until(now() + 1h); });
    });
    CHECK(now() - begin >= 1h);
    CHECK(now() - begin < 1h + 1s);
  });
}

TEST_CASE("a sleep without end ends by cancellation only") {
  simulate([] {
    static constexpr timespec endless{std::numeric_limits<time_t>::max(), 999'999'999};
    auto sleeper = weft::spawn([] {
      CHECK(nanosleep(&endless, nullptr) == -1);
      CHECK(errno == ECANCELED);
    });
    weft::this_fiber::sleep_for(24h * 365);
    CHECK(!sleeper.done());
    sleeper.cancel();
    sleeper.join();
  });
}

TEST_CASE("a cancelled sleep says ECANCELED and what was left, and the next cancellation point throws") {
  simulate([] {
    auto sleeper = weft::spawn([] {
      // Through a C frame: nothing may be thrown in it.
      const auto body = [](void*) {
        timespec left{};
        CHECK(nanosleep(&hour, &left) == -1);
        CHECK(errno == ECANCELED);
        CHECK(left.tv_sec == 2700);
        CHECK(left.tv_nsec == 0);
        // Level-triggered: whatever comes next fails at once.
        CHECK(sleep(10) == 10);
        CHECK(usleep(10) == -1);
        CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &hour, &left) == ECANCELED);
        CHECK(left.tv_sec == 3600);
        CHECK(thrd_sleep(&hour, nullptr) == -1);
        return 0;
      };
      CHECK(call_back(body, nullptr) == 0);
      CHECK_THROWS_AS(weft::this_fiber::check_cancelled(), weft::cancelled);
    });
    weft::this_fiber::sleep_for(15min);
    sleeper.cancel();
    sleeper.join();
  });
}

TEST_CASE("a deadline around a sleep cuts it short, and is told at its boundary") {
  simulate([] {
    const auto begin = now();
    CHECK_THROWS_AS(weft::with_timeout(1min,
                                       [] {
                                         CHECK(sleep(3600) == 3540);
                                         weft::this_fiber::check_cancelled();
                                       }),
                    weft::timed_out);
    CHECK(now() - begin < 2min);
    weft::with_timeout(1min, [] { weft::shield([] { CHECK(sleep(120) == 0); }); });
  });
}

TEST_CASE("a sleep in a destructor is not interrupted while a cancellation unwinds") {
  simulate([] {
    struct slow_end {
      ~slow_end() { CHECK(sleep(60) == 0); }
    };
    auto sleeper = weft::spawn([] {
      const slow_end later;
      weft::this_fiber::sleep_for(1h);
    });
    weft::this_fiber::yield();
    const auto begin = now();
    sleeper.cancel();
    CHECK_THROWS_AS(sleeper.join(), std::system_error);
    CHECK(now() - begin >= 60s);
  });
}

TEST_CASE("a disabled hook blocks the worker") {
  simulate([] {
    const auto begin = now();
    auto other = weft::spawn([] {});
    {
      const weft::hooks::scoped_disable blocking;
      CHECK(usleep(100) == 0);
      CHECK(nanosleep(&moment, nullptr) == 0);
      std::this_thread::sleep_for(50us);
    }
    CHECK(!other.done());
    CHECK(now() == begin);  // no time of weft's has passed
    CHECK(usleep(100) == 0);
    CHECK(other.done());
  });
}

TEST_CASE("what others do to errno meanwhile is not seen") {
  simulate([] {
    weft::with_scope([](weft::scope& all) {
      for (int i = 1; i <= 3; ++i) {
        all.spawn([i] {
          for (int round = 0; round < 10; ++round) {
            errno = 100 * i + round;
            CHECK(usleep(1000) == 0);
            CHECK(errno == 100 * i + round);
          }
        });
      }
    });
  });
}

TEST_CASE("a movable fiber comes back to its worker from a hooked call, and moves again elsewhere") {
  setenv("WEFT_DEBUG", "migrate=always", 1);
  weft::run(
      [] {
        bool moved = false;
        for (int i = 0; i < 20; ++i) {
          const auto before = std::this_thread::get_id();
          CHECK(usleep(100) == 0);
          CHECK(std::this_thread::get_id() == before);
          const auto then = [] {
            weft::this_fiber::sleep_for(10us);
            return gettid();
          };
          const pid_t here = gettid();
          moved |= then() != here;
        }
        CHECK(moved);
      },
      {.workers = 2, .movable = true});
  unsetenv("WEFT_DEBUG");
}
