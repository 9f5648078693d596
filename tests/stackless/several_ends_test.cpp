// SPDX-License-Identifier: BSL-1.0
// Several that are waited for, of which some were cancelled, or which are one and the same, against what asyncio documents.
#include <weft/stackless/gather.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>
#include <weft/stackless.hpp>

#include "stackless/small_tasks.hpp"
#include "support/loops.hpp"

namespace {

using namespace std::chrono_literals;
using namespace weft::stackless;
using weft::test::answer;
using weft::test::few_turns;
using weft::test::forever;
using weft::test::on_loops;
using weft::test::outcome_of;

// g++ 12 has trouble with initializer lists in coroutines.
template <class... Futures> std::vector<future<int>> these(const Futures&... each) { return {each...}; }

task<> sets(bool& it) {
  it = true;
  co_return;
}

}  // namespace

TEST_CASE("who waits for the first exception is not woken by a cancellation, who waits for the first end is") {
  on_loops([]() -> task<> {
    future<int> cancelled, pending;
    cancelled.cancel();
    const auto both = these(cancelled, pending);
    auto waits = get_running_loop().create_task(wait(both, return_when::first_exception));
    co_await few_turns();
    CHECK_FALSE(waits.done());
    pending.set_exception(std::runtime_error("failed"));
    CHECK((co_await waits).done.size() == 2);
    CHECK(pending.exception() != nullptr);
    future<int> another;
    const auto first = co_await wait(these(another, cancelled), return_when::first_completed);
    CHECK(first.done == these(cancelled));
    CHECK(first.pending == these(another));
    const auto at_once = co_await wait(these(another, cancelled), return_when::all_completed, weft::deadline(0s));
    CHECK(at_once.done == these(cancelled));
  });
}

TEST_CASE("gather with return_exceptions gives a cancelled one as what it is") {
  on_loops([]() -> task<> {
    future<int> cancelled;
    cancelled.cancel();
    const auto [first, second] = co_await gather(return_exceptions, cancelled, answer());
    CHECK(first.cancelled());
    CHECK(second.result() == 42);
  });
}

TEST_CASE("one future may be waited for several times at once") {
  on_loops([]() -> task<> {
    future<int> f;
    get_running_loop().call_soon([f] { f.set_result(5); });
    const auto [one, other] = co_await gather(f, f);
    CHECK(one == 5);
    CHECK(other == 5);
    CHECK((co_await wait(these(f, f))).pending.empty());
    future<int> later;
    get_running_loop().call_soon([later] { later.set_result(6); });
    auto each = as_completed(these(later, later));
    while (auto next = co_await each.next()) CHECK(co_await *next == 6);
  });
}

TEST_CASE("a task of a group that somebody cancels is no failure of the group") {
  on_loops([]() -> task<> {
    int result = 0;
    CHECK(co_await outcome_of(with_task_group([&result](task_group& group) -> task<> {
            auto given_up = group.create_task(forever());
            auto gives = group.create_task(answer());
            co_await yield();
            given_up.cancel();
            result = co_await gives;
            co_await few_turns();
            CHECK(given_up.cancelled());
          })) == "result");
    CHECK(result == 42);
  });
}

TEST_CASE("shield hands on what the inner one ends with, its cancellation included") {
  on_loops([]() -> task<> {
    future<int> cancelled, failed;
    get_running_loop().call_soon([cancelled, failed] {
      cancelled.cancel();
      failed.set_exception(std::runtime_error("the inner one"));
    });
    CHECK(co_await outcome_of(shield(cancelled)) == "it was cancelled");
    CHECK(current_task().cancelling() == 0);
    CHECK(co_await outcome_of(shield(failed)) == "the inner one");
  });
}

TEST_CASE("wait_for without time gives what is done, and does not begin what is not") {
  on_loops([]() -> task<> {
    future<int> done;
    done.set_result(1);
    CHECK(co_await wait_for(done, weft::deadline(0s)) == 1);
    bool has_run = false;
    CHECK(co_await outcome_of(wait_for(sets(has_run), weft::deadline(0s))) == "timed out");
    CHECK_FALSE(has_run);
  });
}

TEST_CASE("what as_completed has no time for goes on") {
  on_loops([]() -> task<> {
    future<int> slow;
    auto each = as_completed(these(slow), weft::deadline(1ms));
    CHECK(co_await outcome_of(each.next()) == "timed out");
    CHECK_FALSE(slow.done());
  });
}

TEST_CASE("a task has its stack before it begins, and none when it has ended") {
  on_loops([]() -> task<> {
    auto waits = get_running_loop().create_task(forever(), "waits");
    CHECK(waits.get_stack().size() == 1);
    waits.cancel();
    CHECK(co_await outcome_of(waits) == "it was cancelled");
    CHECK(waits.get_stack().empty());
    char text[200] = "";
    std::FILE* const to = fmemopen(text, sizeof text, "w");
    waits.print_stack(to);
    std::fclose(to);
    CHECK(std::string(text).starts_with("No stack for "));
  });
}
