// SPDX-License-Identifier: BSL-1.0
// gather, wait, wait_for, timeout, shield, as_completed and to_thread, against what asyncio documents.
#include <weft/stackless/gather.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#include <weft/sched/context_var.hpp>
#include <weft/stackless.hpp>

#include "stackless/small_tasks.hpp"
#include "support/loops.hpp"

namespace {

using namespace std::chrono_literals;
using namespace weft::stackless;
using weft::test::on_loops;
using weft::test::outcome_of;

weft::context_var<int> variable;

task<int> gives(int value, int yields = 1) {
  for (int i = 0; i < yields; ++i) co_await yield();
  co_return value;
}
task<> fails(const char* what) {
  co_await yield();
  throw std::runtime_error(what);
}
task<int> waits_for_ever(std::string& log) {
  try {
    co_await weft::stackless::sleep(weft::never);
  } catch (const weft::cancelled&) {
    log += "cancelled,";
    throw;
  }
  co_return 0;
}

// g++ 12 has trouble with initializer lists in coroutines.
template <class... Futures> std::vector<future<int>> list(const Futures&... each) { return {future<int>(each)...}; }

}  // namespace

TEST_CASE("gather starts all, and gives their results in the order of the arguments") {
  on_loops([]() -> task<> {
    future<std::string> text;
    get_running_loop().call_soon([text] { text.set_result("three"); });
    const auto [one, two, three, nothing] =
        co_await gather(gives(1, 3), create_task(gives(2)), text, [](auto f) -> task<> { (void)co_await f; }(text));
    CHECK(one == 1);
    CHECK(two == 2);
    CHECK(three == "three");
    static_assert(std::is_same_v<decltype(nothing), const std::monostate>);
    std::vector<task<int>> many;
    for (int i = 0; i < 20; ++i) many.push_back(gives(i, 20 - i));
    const std::vector<int> all = co_await gather(std::move(many));
    for (int i = 0; i < 20; ++i) CHECK(all[std::size_t(i)] == i);
    CHECK((co_await gather(std::vector<task<int>>())).empty());
    const auto owned = co_await gather([]() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(4); }());
    CHECK(*std::get<0>(owned) == 4);
  });
}

TEST_CASE("the first failure fails a gather at once; the others go on, and their errors are nobody's") {
  on_loops([]() -> task<> {
    future<> gate;
    int went_on = 0;
    const auto slow = [](future<> waits, int& count) -> task<> {
      co_await waits;
      ++count;
      throw std::runtime_error("late");
    };
    auto all = gather(slow(gate, went_on), fails("first"), slow(gate, went_on));
    CHECK(co_await outcome_of(all) == "first");
    CHECK(went_on == 0);
    gate.set_result();
    while (went_on < 2) co_await yield();
    future<int> cancelled;
    cancelled.cancel();
    CHECK(co_await outcome_of(gather(cancelled, gives(1))) == "it was cancelled");
  });
}

TEST_CASE("gather with return_exceptions waits for all, and gives their futures") {
  on_loops([]() -> task<> {
    const auto [good, bad] = co_await gather(return_exceptions, gives(1), fails("bad"));
    CHECK(good.result() == 1);
    CHECK(bad.exception() != nullptr);
    std::vector<task<>> failing;
    for (int i = 0; i < 3; ++i) failing.push_back(fails("each"));
    for (const auto& each : co_await gather(return_exceptions, std::move(failing))) CHECK(each.exception() != nullptr);
  });
}

TEST_CASE("cancelling a gather cancels what has not ended, and it is done when that is") {
  on_loops([]() -> task<> {
    std::string log;
    auto all = gather(waits_for_ever(log), gives(1), waits_for_ever(log));
    for (int i = 0; i < 4; ++i) co_await yield();
    CHECK(all.cancel());
    CHECK(co_await outcome_of(all) == "it was cancelled");
    CHECK(log == "cancelled,cancelled,");
  });
}

TEST_CASE("wait: some or all, cancelled or not; it cancels nothing; none at all is a mistake") {
  on_loops([]() -> task<> {
    auto& loop = get_running_loop();
    future<int> never_done;
    auto bad = loop.create_task([]() -> task<int> {
      co_await yield();
      throw std::runtime_error("bad");
    }());
    auto good = loop.create_task(gives(1, 5));
    auto first = co_await wait(list(never_done, good, bad), return_when::first_exception);
    CHECK(first.done == list(bad));
    CHECK(first.pending == list(never_done, good));
    auto some = co_await wait(first.pending, return_when::first_completed);
    CHECK(some.done == list(good));
    auto late = co_await wait(some.pending, return_when::all_completed, weft::deadline(1ms));
    CHECK(late.done.empty());
    CHECK(late.pending == list(never_done));
    CHECK_FALSE(never_done.done());
    CHECK(bad.exception() != nullptr);
    auto waiter = loop.create_task(outcome_of(wait(list(never_done))));
    co_await yield();
    waiter.cancel();
    CHECK(co_await waiter == "cancelled");
    CHECK_FALSE(never_done.done());
    never_done.cancel();
    CHECK((co_await wait(list(never_done))).done.size() == 1);
    CHECK(co_await outcome_of(wait(list())) != "result");
  });
}

TEST_CASE("wait_for: in time the result; else it cancels, waits for the end, and says timed_out") {
  on_loops([]() -> task<> {
    std::string log;
    CHECK(co_await wait_for(gives(7), weft::deadline(1h)) == 7);
    auto& loop = get_running_loop();
    // Begun already: within a millisecond of a busy machine they may not.
    auto for_ever = loop.create_task(waits_for_ever(log));
    auto insists = loop.create_task([]() -> task<int> {
      try {
        co_await weft::stackless::sleep(weft::never);
      } catch (const weft::cancelled&) {
      }
      co_return 5;
    }());
    for (int i = 0; i < 3; ++i) co_await yield();
    CHECK(co_await outcome_of(wait_for(for_ever, weft::deadline(1ms))) == "timed out");
    CHECK(log == "cancelled,");
    CHECK(co_await wait_for(insists, weft::deadline(1ms)) == 5);
    CHECK(co_await outcome_of(wait_for(waits_for_ever(log), weft::deadline(1ms))) == "timed out");
    CHECK(co_await outcome_of(wait_for(waits_for_ever(log), weft::deadline(0s))) == "timed out");
    CHECK(co_await outcome_of(wait_for(fails("it failed"), weft::deadline(1h))) == "it failed");
    log.clear();
    auto outer = loop.create_task(outcome_of(wait_for(waits_for_ever(log), weft::never)));
    for (int i = 0; i < 3; ++i) co_await yield();
    outer.cancel();
    CHECK(co_await outer == "cancelled");
    CHECK(log == "cancelled,");
  });
}

TEST_CASE("timeout: its own expiry becomes timed_out, another's cancellation stays one") {
  on_loops([]() -> task<> {
    std::string log;
    CHECK(co_await timeout(weft::deadline(1h), [] { return gives(3); }) == 3);
    CHECK(co_await outcome_of(timeout(weft::deadline(1ms), [&] { return waits_for_ever(log); })) == "timed out");
    CHECK(log == "cancelled,");
    CHECK(current_task().cancelling() == 0);
    // The inner one has time; the outer one has not.
    CHECK(co_await outcome_of(timeout(weft::deadline(1ms), [&]() -> task<int> {
            CHECK(co_await outcome_of(timeout(weft::deadline(1h), [&] { return waits_for_ever(log); })) == "cancelled");
            throw weft::cancelled();
          })) == "timed out");
    auto other =
        get_running_loop().create_task(outcome_of(timeout(weft::deadline(1h), [&] { return waits_for_ever(log); })));
    for (int i = 0; i < 3; ++i) co_await yield();
    other.cancel();
    CHECK(co_await other == "cancelled");
    CHECK(co_await outcome_of(timeout(weft::deadline(1h), [] { return fails("own"); })) == "own");
    CHECK(co_await gives(1) == 1);  // nothing strikes later
  });
}

TEST_CASE("shield: the one who waits is cancelled, what it waits for is not") {
  on_loops([]() -> task<> {
    auto& loop = get_running_loop();
    future<int> gate;
    auto inner = loop.create_task([](future<int> f) -> task<int> { co_return co_await f; }(gate));
    auto outer = loop.create_task(
        [](task_future<int> what) -> task<std::string> { co_return co_await outcome_of(shield(what)); }(inner));
    for (int i = 0; i < 3; ++i) co_await yield();
    outer.cancel();
    CHECK(co_await outer == "cancelled");
    CHECK_FALSE(inner.done());
    gate.set_result(6);
    CHECK(co_await inner == 6);
    CHECK(co_await shield(gives(8)) == 8);
    future<int> slow;
    CHECK(co_await outcome_of(wait_for(shield(slow), weft::deadline(1ms))) == "timed out");
    CHECK_FALSE(slow.done());
  });
}

TEST_CASE("as_completed hands them out as they are done") {
  on_loops([]() -> task<> {
    std::vector<future<int>> gates(3);
    auto each = as_completed(gates);
    gates[2].set_result(2);
    CHECK(co_await *co_await each.next() == 2);
    gates[0].set_result(0);
    for (int i = 0; i < 3; ++i) co_await yield();
    gates[1].set_result(1);
    CHECK(co_await *co_await each.next() == 0);
    CHECK(co_await *co_await each.next() == 1);
    CHECK_FALSE(co_await each.next());
    auto late = as_completed(std::vector<future<int>>(1), weft::deadline(1ms));
    CHECK(co_await outcome_of(late.next()) == "timed out");
  });
}

TEST_CASE("to_thread calls on another thread, with the caller's context variables") {
  on_loops([]() -> task<> {
    variable.set(9);
    const auto here = std::this_thread::get_id();
    const auto [elsewhere, seen] =
        co_await to_thread([here] { return std::pair(std::this_thread::get_id() != here, variable.get()); });
    CHECK(elsewhere);
    CHECK(seen == 9);
    CHECK(co_await outcome_of(to_thread([] { throw std::runtime_error("there"); })) == "there");
  });
}

TEST_CASE("a handle of create_task becomes a future that cancels it") {
  on_loops([]() -> task<> {
    std::string log;
    auto f = ensure_future(create_task(waits_for_ever(log)));
    for (int i = 0; i < 3; ++i) co_await yield();
    f.cancel();
    CHECK(co_await outcome_of(f) == "it was cancelled");
    CHECK(co_await ensure_future(create_task(gives(2))) == 2);
  });
}

TEST_CASE("a task group waits for its tasks, those that its tasks create among them") {
  on_loops([]() -> task<> {
    int ended = 0;
    const auto counts = [](int& count) -> task<> {
      co_await yield();
      ++count;
    };
    const int value = co_await with_task_group([&](task_group& group) -> task<int> {
      auto first = group.create_task(gives(4));
      group.create_task([](task_group& g, int& count, auto make) -> task<> {
        co_await yield();
        g.create_task(make(count));
      }(group, ended, counts));
      group.create_task(counts(ended));
      co_return co_await first;
    });
    CHECK(value == 4);
    CHECK(ended == 2);
  });
}

TEST_CASE("the first failure in a task group cancels the others and the body; all failures come out as one group") {
  on_loops([]() -> task<> {
    std::string log;
    CHECK(co_await outcome_of(with_task_group([&](task_group& group) -> task<> {
            group.create_task(waits_for_ever(log));
            group.create_task(fails("one"));
            (void)co_await waits_for_ever(log);
          })) == "group of 1");
    CHECK(log == "cancelled,cancelled,");
    CHECK(current_task().cancelling() == 0);
    const auto fails_on_its_way = []() -> task<> {
      try {
        co_await weft::stackless::sleep(weft::never);
      } catch (const weft::cancelled&) {
        throw std::runtime_error("on its way");
      }
    };
    CHECK(co_await outcome_of(with_task_group([&](task_group& group) -> task<> {
            group.create_task(fails_on_its_way());
            co_await yield();
            throw std::runtime_error("the body");
          })) == "group of 2");
    CHECK(co_await gives(1) == 1);  // nothing strikes later
  });
}

TEST_CASE("cancelling who waits in a task group cancels its tasks; an ending group takes no more") {
  on_loops([]() -> task<> {
    std::string log;
    auto outer = get_running_loop().create_task(outcome_of(with_task_group([&](task_group& group) -> task<> {
      group.create_task(waits_for_ever(log));
      group.create_task([](task_group& g, std::string& to) -> task<> {
        try {
          co_await weft::stackless::sleep(weft::never);
        } catch (const weft::cancelled&) {
          try {
            g.create_task(gives(1));
          } catch (const loop_error&) {
            to += "refused,";
          }
          throw;
        }
      }(group, log));
      co_return;
    })));
    for (int i = 0; i < 4; ++i) co_await yield();
    outer.cancel();
    CHECK(co_await outer == "cancelled");
    CHECK(log == "cancelled,refused,");
  });
}
