// SPDX-License-Identifier: BSL-1.0
// How several futures are waited for: the order of their ends, and loops that do not run.
#include <doctest/doctest.h>

#include <chrono>
#include <stdexcept>
#include <tuple>
#include <vector>
#include <weft/stackless.hpp>

#include "stackless/small_tasks.hpp"
#include "support/loops.hpp"

namespace {

using namespace weft::stackless;
using weft::test::on_loops;
using weft::test::outcome_of;

// g++ 12 has trouble with initializer lists in coroutines.
template <class... Futures> std::vector<future<int>> those(const Futures&... each) { return {each...}; }

task<> sets_later(future<int> what, int value) {
  co_await yield();
  what.set_result(value);
}

task<> waits_for_idle(event_loop& idle) {
  auto& loop = get_running_loop();
  future<int> first(idle), second(idle), third(idle), early(idle);
  early.set_result(0);
  loop.create_task(sets_later(first, 1));
  CHECK((co_await wait(those(first, early))).done.size() == 2);
  loop.create_task(sets_later(second, 2));
  auto each = as_completed(those(second));
  CHECK(co_await *co_await each.next() == 2);
  CHECK(co_await wait_for(early, weft::never) == 0);
  co_await to_thread([&idle] { idle.close(); });
  loop.create_task(sets_later(third, 3));
  CHECK(std::get<0>(co_await gather(third)) == 3);
  CHECK((co_await wait(those(early))).done.size() == 1);
}

task<int> gives_when(future<> gate, int value) {
  co_await gate;
  co_return value;
}

}  // namespace

TEST_CASE("of several that have failed by the time it runs, a gather gives the first in time") {
  on_loops([]() -> task<> {
    future<int> one, two;
    auto all = gather(one, two);
    for (int i = 0; i < 3; ++i) co_await yield();
    two.set_exception(std::runtime_error("earlier"));
    one.set_exception(std::runtime_error("later"));
    (void)co_await wait(std::vector<any_future>(1, all));
    CHECK_THROWS_WITH_AS(all.result(), "earlier", std::runtime_error);
  });
}

TEST_CASE("tasks are waited for as futures are; as_completed starts those that have not been") {
  on_loops([]() -> task<> {
    const std::vector<future<>> gates(3), others(3);
    std::vector<task_handle<int>> created;
    std::vector<task<int>> fresh;
    for (int i = 0; i < 3; ++i) {
      created.push_back(create_task(gives_when(gates[std::size_t(i)], i)));
      fresh.push_back(gives_when(others[std::size_t(i)], i));
    }
    gates[1].set_result();
    auto some = co_await wait(std::move(created), return_when::first_completed);
    REQUIRE(some.done.size() == 1);
    CHECK(some.done.front().result() == 1);
    auto rest = as_completed(std::move(some.pending));
    auto each = as_completed(std::move(fresh));
    for (const int next : {2, 0}) {
      gates[std::size_t(next)].set_result();
      CHECK(co_await *co_await rest.next() == next);
    }
    for (const int next : {2, 0, 1}) {
      others[std::size_t(next)].set_result();
      CHECK(co_await *co_await each.next() == next);
    }
    CHECK_FALSE(co_await rest.next());
    CHECK_FALSE(co_await each.next());
  });
}

TEST_CASE("futures of a loop that does not run, or is closed, are waited for like all others") {
  event_loop idle;
  weft::stackless::run(waits_for_idle(idle), {.workers = weft::test::workers()});
}

TEST_CASE("a gather that is cancelled before it has begun cancels what it gathers, and is done when that is") {
  on_loops([]() -> task<> {
    const std::vector<future<>> gates(2);
    auto& loop = get_running_loop();
    auto one = loop.create_task(gives_when(gates[0], 1)), two = loop.create_task(gives_when(gates[1], 2));
    for (int i = 0; i < 3; ++i) co_await yield();
    auto all = gather(one, two);
    CHECK(all.cancel());
    CHECK(co_await outcome_of(all) == "it was cancelled");
    CHECK(one.cancelled());
    CHECK(two.cancelled());
    auto settled = gather(return_exceptions, gives_when(future<>(), 3));
    CHECK(co_await outcome_of(wait_for(settled, weft::deadline(std::chrono::seconds(-1)))) == "timed out");
  });
}
