// SPDX-License-Identifier: BSL-1.0
// A cancellation that comes at a bad moment: a second one while the first is being heeded, one beside a timeout's or a
// group's own, one together with the result.
#include <weft/stackless/gather.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>
#include <weft/stackless.hpp>

#include "stackless/small_tasks.hpp"
#include "support/loops.hpp"

namespace {

using namespace std::chrono_literals;
using namespace weft::stackless;
using weft::test::on_loops;
using weft::test::outcome_of;

// Heeds a cancellation only when the gate is open.
task<int> ends_slowly(future<> gate, std::string& log) {
  while (!gate.done()) {
    try {
      co_await shield(gate);
    } catch (const weft::cancelled&) {
      log += "told,";
    }
  }
  log += "ended,";
  throw weft::cancelled();
}

task<> sleeps_for_ever() { co_await weft::stackless::sleep(weft::never); }

task<> some_turns() {
  for (int i = 0; i < 8; ++i) co_await yield();
}

// Cancels it twice, and sees that it goes on until the gate is open.
task<> cancel_twice(any_future what, future<> gate) {
  for (int i = 0; i < 2; ++i) {
    co_await some_turns();
    what.cancel();
  }
  co_await some_turns();
  CHECK_FALSE(what.done());
  gate.set_result();
  (void)co_await wait(std::vector<any_future>(1, what));
}

}  // namespace

TEST_CASE("who is cancelled again while what was cancelled ends, waits for that end all the same") {
  on_loops([]() -> task<> {
    auto& loop = get_running_loop();
    std::string log;
    future<> gate;
    auto waiter = loop.create_task(outcome_of(wait_for(ends_slowly(gate, log), weft::never)));
    co_await cancel_twice(waiter, gate);
    CHECK(waiter.result() == "cancelled");
    CHECK(log == "told,told,ended,");

    log.clear();
    gate = future<>();
    auto all = gather(ends_slowly(gate, log), ends_slowly(gate, log));
    co_await cancel_twice(all, gate);
    CHECK(all.cancelled());
    CHECK(log == "told,told,told,told,ended,ended,");

    log.clear();
    gate = future<>();
    auto adopted = ensure_future(create_task(ends_slowly(gate, log)));
    co_await cancel_twice(adopted, gate);
    CHECK(adopted.cancelled());
    CHECK(log.ends_with("ended,"));
  });
}

TEST_CASE("who is cancelled while what came too late ends, waits for that end, and is cancelled rather than late") {
  on_loops([]() -> task<> {
    auto& loop = get_running_loop();
    for (const weft::deadline due : {weft::deadline(0ms), weft::deadline(1ms)}) {
      std::string log;
      future<> gate;
      auto slow = loop.create_task(ends_slowly(gate, log));
      co_await some_turns();  // it has begun, or a cancellation would find nobody to heed it
      auto waiter = loop.create_task(outcome_of(wait_for(slow, due)));
      while (log.empty()) co_await yield();
      waiter.cancel();
      co_await some_turns();
      CHECK_FALSE(waiter.done());
      gate.set_result();
      CHECK(co_await waiter == "cancelled");
      CHECK(log == "told,told,ended,");
    }
  });
}

TEST_CASE("wait_for: a cancellation that comes together with the result is not lost") {
  on_loops([]() -> task<> {
    auto& loop = get_running_loop();
    future<int> result;
    auto waiter = loop.create_task(outcome_of(wait_for(result, weft::never)));
    co_await some_turns();
    result.set_result(1);
    loop.call_soon([waiter] { waiter.cancel(); });  // when the waiter has been told, and has not run
    CHECK(co_await waiter == "cancelled");
  });
}

TEST_CASE("a task that is adopted as a future and then cancelled by another cancels that future") {
  on_loops([]() -> task<> {
    auto handle = create_task(sleeps_for_ever());
    const task_ref whom = handle.ref();
    auto adopted = ensure_future(std::move(handle));
    co_await some_turns();
    whom.cancel();
    (void)co_await wait(std::vector<any_future>(1, adopted));
    CHECK(adopted.cancelled());
  });
}

TEST_CASE("the future of a handle stands for its task from the first moment on") {
  on_loops([]() -> task<> {
    auto handle = create_task(sleeps_for_ever(), "the one");
    const task_ref whom = handle.ref();
    auto adopted = ensure_future(std::move(handle));
    CHECK(adopted.name() == "the one");
    CHECK(all_tasks().size() == 2);  // this one and that one
    CHECK(adopted.cancel());         // who waits for the task has not begun to
    (void)co_await wait(std::vector<any_future>(1, adopted));
    CHECK(adopted.cancelled());
    CHECK(whom.done());
    std::atomic<bool> begun{false};
    auto failing = create_task([](std::atomic<bool>& flag) -> task<> {
      flag = true;
      try {
        co_await weft::stackless::sleep(weft::never);
      } catch (const weft::cancelled&) {
      }
      throw std::runtime_error("on its way");
    }(begun));
    while (!begun) co_await yield();
    auto waiter = get_running_loop().create_task(outcome_of(wait_for(std::move(failing), weft::never)));
    co_await yield();  // it waits, and who waits for the task has not begun to
    waiter.cancel();
    CHECK(co_await waiter == "on its way");
  });
}

TEST_CASE("timeout: when something else leaves the body nothing is left of its cancellation") {
  on_loops([]() -> task<> {
    const task_ref me = current_task();
    CHECK(co_await outcome_of(timeout(weft::deadline(1ms), []() -> task<> {
            try {
              co_await weft::stackless::sleep(weft::never);
            } catch (const weft::cancelled&) {
            }
            throw std::runtime_error("for another reason");
          })) == "for another reason");
    CHECK(me.cancelling() == 0);
    // It has not struck yet: what the body has waited for came just before.
    for (bool in_time = false; !in_time;) {
      const weft::deadline end(1ms);
      event told;
      get_running_loop().call_at(end, [&told] { told.set(); });
      const std::string what = co_await outcome_of(timeout(end, [&in_time, end, &told, me]() -> task<> {
        in_time = !end.passed();  // else it is one whose time has passed before
        co_await told.wait();
        CHECK(me.cancelling() == 1);
        throw std::runtime_error("in between");
      }));
      if (in_time) CHECK(what == "in between");
      co_await told.wait();
    }
    CHECK(me.cancelling() == 0);
    co_await yield();
  });
}

TEST_CASE("timeout: one whose time has passed before strikes at the first yield") {
  on_loops([]() -> task<> {
    for (const weft::deadline past : {weft::deadline(0s), weft::deadline(std::chrono::steady_clock::now())}) {
      int turns = 0;
      CHECK(co_await outcome_of(timeout(past, [&turns]() -> task<> {
              for (; turns < 3; ++turns) co_await yield();
            })) == "timed out");
      CHECK(turns == 0);
    }
  });
}

TEST_CASE("timeout: the cancellation at the end of the runtime is not its own") {
  weft::stackless::run(
      []() -> task<> {
        std::atomic<bool> has_struck = false;
        (void)get_running_loop().create_task([](std::atomic<bool>& struck) -> task<> {
          const std::string what = co_await outcome_of(timeout(weft::deadline(1ms), [&struck]() -> task<> {
            try {
              co_await weft::stackless::sleep(weft::never);
            } catch (const weft::cancelled&) {
              struck = true;
            }
            co_await weft::stackless::sleep(weft::never);
          }));
          CHECK(what == "cancelled");
          if (what != "cancelled") co_await weft::stackless::sleep(weft::never);  // nobody would cancel it again
        }(has_struck));
        while (!has_struck) co_await yield();
      }(),
      {.workers = weft::test::workers()});
}

TEST_CASE("a cancellation that meets a failure in a task group is not lost") {
  on_loops([]() -> task<> {
    bool is_struck = false;
    auto waiter = get_running_loop().create_task([](bool& struck) -> task<> {
      CHECK(co_await outcome_of(with_task_group([](task_group& group) -> task<> {
              group.create_task([]() -> task<> {
                try {
                  co_await weft::stackless::sleep(weft::never);
                } catch (const weft::cancelled&) {
                  throw std::runtime_error("on its way");
                }
              }());
              co_await weft::stackless::sleep(weft::never);
            })) == "group of 1");
      CHECK(current_task().cancelling() == 1);
      try {
        co_await yield();
      } catch (const weft::cancelled&) {
        struck = true;
      }
    }(is_struck));
    co_await some_turns();
    waiter.cancel();
    co_await waiter;
    CHECK(is_struck);
  });
}

TEST_CASE("a task of a group is cancelled once for an error of another one, also while the body waits") {
  on_loops([]() -> task<> {
    future<> gate;
    std::string log;
    CHECK(co_await outcome_of(with_task_group([&](task_group& group) -> task<> {
            group.create_task([](future<> may_end, std::string& told) -> task<> {
              bool was_told = false;
              try {
                co_await weft::stackless::sleep(weft::never);
              } catch (const weft::cancelled&) {
                was_told = true;
              }
              if (was_told) told += co_await outcome_of(shield(may_end));
            }(gate, log));
            group.create_task([](future<> may_end) -> task<> {
              get_running_loop().create_task([](future<> to_set) -> task<> {
                co_await some_turns();
                to_set.set_result();
              }(may_end));
              throw std::runtime_error("the other one");
              co_return;
            }(gate));
            co_await weft::stackless::sleep(weft::never);
          })) == "group of 1");
    CHECK(log == "result");
  });
}
