// SPDX-License-Identifier: BSL-1.0
// What WEFT_DEBUG=locks tells of fibers that hold a pthread mutex. The hidden ones run with the library weft-locks preloaded.
#include <doctest/doctest.h>
#include <pthread.h>

#include <filesystem>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <weft/weft.hpp>

#include "support/alone.hpp"
#include "support/scale.hpp"

using namespace weft::test;

namespace {

// That of the build whose test this is.
std::string preloaded() {
  const auto directory = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  return "LD_PRELOAD=" + (directory / WEFT_LOCKS_LIBRARY).string();
}

program_end watched(const char* which) { return run_alone(which, {"WEFT_DEBUG=locks", preloaded()}); }

constexpr timespec long_ago{1, 0};
// A sanitizer's library has to come first.
constexpr bool sanitized = active_sanitizer != sanitizer::none;

}  // namespace

TEST_CASE("alone: a fiber parks while it holds a mutex" * doctest::skip()) {
  weft::run([] {
    std::mutex lock;
    for (int i = 0; i < 3; ++i) {
      weft::spawn({.name = "sleeper"}, [&] {
        const std::lock_guard held(lock);
        weft::this_fiber::sleep_for(std::chrono::milliseconds(1));
      }).join();
    }
  });
}

TEST_CASE("alone: a fiber wants a mutex that another one of its worker holds" * doctest::skip()) {
  weft::run(
      [] {
        std::mutex lock;
        weft::event go_on;
        auto holder = weft::spawn({.name = "holder"}, [&] {
          const std::lock_guard held(lock);
          go_on.wait();
        });
        weft::this_fiber::yield();
        weft::spawn({.name = "second"}, [&] {
          CHECK(pthread_mutex_timedlock(lock.native_handle(), &long_ago) == ETIMEDOUT);
        }).join();
        go_on.set();
        holder.join();
      },
      {.workers = 1});
}

TEST_CASE("alone: a fiber enters a recursive mutex that another one of its worker holds" * doctest::skip()) {
  weft::run(
      [] {
        std::recursive_mutex lock;
        weft::event go_on;
        auto holder = weft::spawn({.name = "holder"}, [&] {
          const std::lock_guard held(lock), twice(lock);
          go_on.wait();
        });
        weft::this_fiber::yield();
        weft::spawn({.name = "second"}, [&] { const std::lock_guard entered(lock); }).join();
        go_on.set();
        holder.join();
      },
      {.workers = 1});
}

TEST_CASE("alone: fibers and threads lock as they should" * doctest::skip()) {
  weft::run(
      [] {
        std::mutex lock, other;
        std::recursive_mutex again;
        int count = 0;
        const auto locks = [&](bool on_a_fiber) {
          for (int i = 0; i < 1'000; ++i) {
            {
              const std::scoped_lock both(lock, other);
              ++count;
            }
            {
              const std::lock_guard once(again), twice(again);
              const std::unique_lock tried(lock, std::try_to_lock);
            }
            if (on_a_fiber) weft::this_fiber::yield();
          }
        };
        std::thread thread(locks, false);
        weft::with_scope([&](weft::scope& all) {
          for (int i = 0; i < 8; ++i) all.spawn([&] { locks(true); });
        });
        weft::blocking([&] { thread.join(); });
        CHECK(count == 9'000);
      },
      {.workers = 4});
}

TEST_CASE("alone: WEFT_DEBUG=locks is refused" * doctest::skip()) {
  std::string what;
  try {
    weft::run([] {});
  } catch (const std::system_error& e) {
    what = e.what();
    CHECK(e.code() == std::errc::invalid_argument);
  }
  CHECK(what.find("LD_PRELOAD=libweft-locks.so") != std::string::npos);
}

TEST_CASE("WEFT_DEBUG=locks names a fiber that parks while it holds a pthread mutex, once for each place that locks" *
          doctest::skip(sanitized)) {
  const auto end = watched("alone: a fiber parks while it holds a mutex");
  CHECK(end.status == 0);
  CHECK(end.how_often("weft: locks: ") == 1);
  CHECK(end.said_this("\"sleeper\", created at "));
  CHECK(end.said_this("gave up its worker while it held a mutex that it had locked at "));
  CHECK(end.said_this("(+0x"));
}

TEST_CASE("WEFT_DEBUG=locks names both fibers before one stops the worker that the other needs" *
          doctest::skip(sanitized)) {
  const auto end = watched("alone: a fiber wants a mutex that another one of its worker holds");
  CHECK(end.status == 0);
  CHECK(end.how_often("weft: locks: ") == 2);
  const auto waits = end.said.find("\"second\""), holds = end.said.find("\"holder\"");
  CHECK(waits < end.said.find("stops its worker"));
  CHECK(end.said.find("stops its worker") < holds);
  CHECK(holds < end.said.find("has held since"));
}

TEST_CASE("WEFT_DEBUG=locks names both fibers that a recursive mutex does not keep apart" * doctest::skip(sanitized)) {
  const auto end = watched("alone: a fiber enters a recursive mutex that another one of its worker holds");
  CHECK(end.status == 0);
  CHECK(!end.said_this("stops its worker"));
  const auto enters = end.said.find("\"second\""), holds = end.said.find("\"holder\"");
  CHECK(enters < end.said.find("enters a recursive mutex"));
  CHECK(end.said.find("enters a recursive mutex") < holds);
  CHECK(holds < end.said.find("has held since"));
}

TEST_CASE("WEFT_DEBUG=locks has nothing to say of locks that are held between parks" * doctest::skip(sanitized)) {
  const auto end = watched("alone: fibers and threads lock as they should");
  CHECK(end.status == 0);
  CHECK(end.how_often("weft: locks: ") == 0);
}

TEST_CASE("the library weft-locks does nothing unless it is asked to" * doctest::skip(sanitized)) {
  const auto end = run_alone("alone: a fiber parks while it holds a mutex", {preloaded()});
  CHECK(end.status == 0);
  CHECK(end.how_often("weft: locks: ") == 0);
}

TEST_CASE("WEFT_DEBUG=locks without the library says what is missing") {
  CHECK(run_alone("alone: WEFT_DEBUG=locks is refused", {"WEFT_DEBUG=locks"}).status == 0);
}
