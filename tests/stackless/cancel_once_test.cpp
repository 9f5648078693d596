// SPDX-License-Identifier: BSL-1.0
// A cancellation that comes to a task on two ways, straight and through who waits for it, strikes once.
#include <weft/stackless/wait.hpp>

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <weft/stackless.hpp>

#include "stackless/small_tasks.hpp"
#include "support/loops.hpp"

namespace {

using namespace weft::stackless;
using weft::test::few_turns;
using weft::test::on_loops;
using weft::test::outcome_of;

// What it says of its cancellation, of what it does then, which takes some turns, and how many it counts.
task<> cleans_up(std::string& log) {
  try {
    co_await weft::stackless::sleep(weft::never);
  } catch (const weft::cancelled&) {
    log += "told,";
  }
  log += co_await outcome_of(few_turns()) + "," + std::to_string(current_task().cancelling());
}

task<> awaits(future<> what) { co_await what; }
task<> awaits_one_of(future<> what) { (void)co_await gather(std::move(what)); }
task<> awaits_in_time(future<> what) { co_await wait_for(std::move(what), weft::never); }

}  // namespace

TEST_CASE("who is cancelled together with a task that it awaits does not cancel that a second time") {
  on_loops([]() -> task<> {
    for (auto* const how : {&awaits, &awaits_one_of, &awaits_in_time}) {
      for (bool waiter_first : {false, true}) {
        std::string log;
        auto inner = get_running_loop().create_task(cleans_up(log));
        auto waiter = get_running_loop().create_task(awaits(get_running_loop().create_task(how(inner))));
        co_await few_turns();
        if (waiter_first) waiter.cancel();
        inner.cancel();
        if (!waiter_first) waiter.cancel();
        (void)co_await outcome_of(waiter);
        CHECK(log == "told,result,2");
      }
    }
  });
}

TEST_CASE("who is cancelled after a task that it awaits was struck cancels that again") {
  on_loops([]() -> task<> {
    std::string log;
    auto inner = get_running_loop().create_task(cleans_up(log));
    auto waiter = get_running_loop().create_task(awaits(inner));
    co_await few_turns();
    inner.cancel();
    while (log.empty()) co_await yield();
    waiter.cancel();
    (void)co_await outcome_of(waiter);
    CHECK(log == "told,cancelled,2");
  });
}

TEST_CASE("what is handed on strikes a task that has taken back the cancellation that came together with it") {
  on_loops([]() -> task<> {
    std::string log;
    auto inner = get_running_loop().create_task([](std::string& told) -> task<> {
      try {
        co_await weft::stackless::sleep(weft::never);
      } catch (const weft::cancelled&) {
        CHECK(current_task().uncancel() == 0);  // as a timeout of its own does
      }
      co_await cleans_up(told);
    }(log));
    auto waiter = get_running_loop().create_task(awaits(inner));
    co_await few_turns();
    inner.cancel();
    waiter.cancel();
    (void)co_await outcome_of(waiter);
    CHECK(log == "told,result,1");
  });
}

TEST_CASE("the end of the runtime cancels a task once, whoever awaits it") {
  for (auto* const how : {&awaits, &awaits_one_of, &awaits_in_time}) {
    std::string log;
    auto main = [](auto* waits, std::string& told) -> task<> {
      auto inner = get_running_loop().create_task(cleans_up(told));
      get_running_loop().create_task(awaits(get_running_loop().create_task(waits(inner))));
      co_await few_turns();
    };
    weft::stackless::run(main(how, log), {.workers = weft::test::workers()});
    CHECK(log.starts_with("told,result,"));
  }
}
