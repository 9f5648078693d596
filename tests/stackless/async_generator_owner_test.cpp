// SPDX-License-Identifier: BSL-1.0
// What the owner of an async generator does while a task pulls it.
#include <weft/stackless/async_generator.hpp>

#include <doctest/doctest.h>

#include <csignal>
#include <memory>
#include <utility>
#include <weft/stackless.hpp>

#include "stackless/small_tasks.hpp"
#include "support/alone.hpp"

namespace {

using namespace weft::stackless;
using weft::test::few_turns;
using weft::test::run_alone;

async_generator<int> gives_two(future<> when) {
  co_await when;
  co_yield 1;
  co_yield 2;
}

task<int> first_of(async_generator<int>& from) { co_return (co_await from.next()).value_or(0); }

}  // namespace

TEST_CASE("an async generator may be moved while a task pulls it") {
  event_loop loop;
  loop.run_until_complete([]() -> task<> {
    const future<> gate;
    auto at_first = std::make_unique<async_generator<int>>(gives_two(gate));
    auto pulls = get_running_loop().create_task(first_of(*at_first));
    co_await few_turns();
    async_generator<int> later = std::move(*at_first);
    at_first.reset();
    gate.set_result();
    CHECK(co_await pulls == 1);
    CHECK(co_await later.next() == 2);
    CHECK(co_await later.next() == std::nullopt);
  }());
}

TEST_CASE("[hidden] an async generator goes while a task pulls it" * doctest::skip()) {
  event_loop loop;
  loop.run_until_complete([]() -> task<> {
    const future<> gate;
    auto goes = gives_two(gate);
    auto pulls = get_running_loop().create_task(first_of(goes));
    co_await few_turns();
    goes = {};
    gate.set_result();
    co_await pulls;
  }());
}

TEST_CASE("an async generator that goes while a task pulls it ends the program, and says so") {
  const auto end = run_alone("[hidden] an async generator goes while a task pulls it");
  CHECK(end.signal == SIGABRT);
  CHECK(end.said_this("async generator was destroyed or assigned to while a task pulled it"));
}
