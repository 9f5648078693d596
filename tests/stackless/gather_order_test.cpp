// SPDX-License-Identifier: BSL-1.0
// gather: in which order it begins its parts, and whose error it gives.
#include <weft/stackless/gather.hpp>

#include <doctest/doctest.h>

#include <stdexcept>
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

task<> begins(std::string& log, char who) {
  log += who;
  co_return;
}

// What it was told for, or else of its cancellation.
task<> fails_when(future<> gate, const char* when_told, const char* when_cancelled) {
  bool is_cancelled = false;
  try {
    co_await gate;
  } catch (const weft::cancelled&) {
    is_cancelled = true;
    if (!when_cancelled) throw;
  }
  throw std::runtime_error(is_cancelled ? when_cancelled : when_told);
}

template <class... Parts> task<> gathers(Parts... parts) { co_await gather(std::move(parts)...); }

}  // namespace

TEST_CASE("gather begins its parts in the order of the arguments") {
  on_loops([]() -> task<> {
    std::string log;
    co_await gather(begins(log, 'a'), begins(log, 'b'), begins(log, 'c'));
    co_await gather(return_exceptions, begins(log, 'd'), begins(log, 'e'), begins(log, 'f'));
    CHECK(log == "abcdef");
  });
}

TEST_CASE("of two parts of a gather that fail in one turn the first counts") {
  on_loops([]() -> task<> {
    const future<> gate;
    auto all = gather(fails_when(gate, "first", nullptr), fails_when(gate, "second", nullptr));
    co_await few_turns();
    gate.set_result();
    CHECK(co_await outcome_of(all) == "first");
  });
}

TEST_CASE("who is cancelled in a gather hears of the part that failed before, or of its cancellation") {
  on_loops([]() -> task<> {
    const future<> told, untold;
    auto before = get_running_loop().create_task(
        gathers(fails_when(told, "told", nullptr), fails_when(untold, nullptr, nullptr)));
    co_await few_turns();
    told.set_result();
    co_await yield();
    CHECK(before.cancel());
    CHECK(co_await outcome_of(before) == "told");
    const future<> never_told;
    auto first = get_running_loop().create_task(
        gathers(fails_when(never_told, nullptr, "cleaning"), fails_when(future<>(), nullptr, nullptr)));
    co_await few_turns();
    CHECK(first.cancel());
    CHECK(co_await outcome_of(first) == "cleaning");
  });
}

TEST_CASE("who is cancelled in a gather whose parts have all ended is cancelled, even if some failed") {
  on_loops([]() -> task<> {
    const future<> bad, good;
    auto whole = get_running_loop().create_task(gathers(bad, good));
    co_await few_turns();
    bad.set_exception(std::runtime_error("bad"));
    good.set_result();
    CHECK(whole.cancel());
    CHECK(co_await outcome_of(whole) == "it was cancelled");
  });
}
