// SPDX-License-Identifier: BSL-1.0
// Tasks: results, exceptions, who destroys what, long chains.
#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>
#include <weft/stackless.hpp>

#include "stackless/small_tasks.hpp"
#include "support/scale.hpp"

namespace {

using weft::stackless::create_task;
using weft::stackless::run;
using weft::stackless::task;
using weft::stackless::yield;
using weft::test::code_of;

task<int> answer_at_once() { co_return 42; }
task<> nothing() { co_return; }
task<int> fails_to_answer() {
  throw std::runtime_error("it failed");
  co_return 0;
}

// Counts how many of its kind live.
struct counted {
  explicit counted(int& live) : live_(&live) { ++live; }
  counted(counted&& other) noexcept : live_(std::exchange(other.live_, nullptr)) {}
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;
  ~counted() {
    if (live_) --*live_;
  }
  int* live_;
};

}  // namespace

TEST_CASE("run returns what the task returns") {
  CHECK(run(answer_at_once()) == 42);
  run(nothing());
  CHECK(run([]() -> task<std::string> { co_return "text"; }()) == "text");
}

TEST_CASE("an awaited task gives its result, which may be movable only or a reference") {
  static int place = 7;
  const auto moved = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(5); };
  const auto referred = []() -> task<int&> { co_return place; };
  const auto all = [&]() -> task<int> {
    const auto owned = co_await moved();
    int& same = co_await referred();
    CHECK(&same == &place);
    co_return *owned + same + co_await answer_at_once();
  };
  CHECK(run(all()) == 54);
}

TEST_CASE("an exception comes out where the task is awaited, and out of run") {
  const auto catches = []() -> task<std::string> {
    try {
      co_await fails_to_answer();
    } catch (const std::runtime_error& e) {
      co_return e.what();
    }
    co_return "";
  };
  CHECK(run(catches()) == "it failed");
  CHECK_THROWS_WITH_AS(run(fails_to_answer()), "it failed", std::runtime_error);
}

TEST_CASE("a task that never starts destroys its parameters, and does not run") {
  int live = 0;
  bool ran = false;
  const auto holds = [](counted, bool& flag) -> task<> {
    flag = true;
    co_return;
  };
  {
    const task<> idle = holds(counted(live), ran);
    CHECK(live == 1);
    CHECK(bool(idle));
  }
  CHECK(live == 0);
  CHECK_FALSE(ran);
}

TEST_CASE("a task that another is assigned to never starts, and the other does") {
  int first_live = 0, second_live = 0;
  const auto holds = [](counted, int result) -> task<int> { co_return result; };
  task<int> what = holds(counted(first_live), 1);
  what = holds(counted(second_live), 2);
  CHECK(first_live == 0);
  CHECK(second_live == 1);
  CHECK(run(std::move(what)) == 2);
  CHECK(second_live == 0);
}

TEST_CASE("a frame goes with the expression that awaited it") {
  int live = 0;
  const auto holds = [](counted) -> task<> { co_await yield(); };
  const auto outer = [&]() -> task<> {
    co_await holds(counted(live));
    CHECK(live == 0);
    CHECK_THROWS(co_await [](counted) -> task<> {
      throw 1;
      co_return;
    }(counted(live)));
    CHECK(live == 0);
  };
  run(outer());
  CHECK(live == 0);
}

TEST_CASE("awaiting an empty task, or one that has ended, is an error that says so") {
  const auto outer = []() -> task<> {
    task<> empty;
    try {
      co_await std::move(empty);
      CHECK(false);
    } catch (const std::system_error& e) {
      CHECK(code_of(e) == std::errc::invalid_argument);
    }
    task<> once = nothing();
    co_await std::move(once);
    try {
      co_await std::move(once);
      CHECK(false);
    } catch (const std::system_error& e) {
      CHECK(code_of(e) == std::errc::invalid_argument);
    }
  };
  run(outer());
  CHECK_THROWS_AS(run(task<>()), std::system_error);
}

TEST_CASE("a long chain of tasks that await each other needs no stack") {
  struct chain {
    static task<std::size_t> down(std::size_t depth) {
      if (depth == 0) {
        co_await yield();
        co_return 0;
      }
      co_return 1 + co_await down(depth - 1);
    }
  };
  const std::size_t depth = weft::test::scaled(1'000'000);
  CHECK(run(chain::down(depth)) == depth);
}

TEST_CASE("a long loop of tasks that end at once needs no stack") {
  const std::size_t rounds = weft::test::scaled(3'000'000);
  const auto loop = [rounds]() -> task<std::size_t> {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < rounds; ++i) sum += std::size_t(co_await answer_at_once());
    co_return sum;
  };
  CHECK(run(loop()) == rounds * 42);
}

TEST_CASE("a long loop of yields needs no stack") {
  const auto yields = [](std::size_t count) -> task<> {
    for (std::size_t i = 0; i < count; ++i) co_await yield();
  };
  const std::size_t each = weft::test::scaled(200'000);
  run([](auto loop, std::size_t count) -> task<> {
    auto first = create_task(loop(count));
    auto second = create_task(loop(count));
    co_await first;
    co_await second;
  }(yields, each));
}
