// SPDX-License-Identifier: BSL-1.0
// What may stand behind co_await in a task, and what the compiler says of anything else.
#include <weft/stackless/awaitable.hpp>

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <weft/stackless.hpp>
#include <weft/stackless/async_generator.hpp>

#include "stackless/compiler.hpp"
#include "support/session.hpp"

namespace {

using weft::stackless::await_result_t;
using weft::stackless::awaitable;
using weft::stackless::task;
using weft::stackless::task_handle;
using weft::test::complaint;

struct by_member {
  int value;
  task<int> operator co_await() const {
    return [](int v) -> task<int> { co_return v; }(value);
  }
};
struct by_function {};
weft::detail::task_yield operator co_await(const by_function&) { return weft::stackless::yield(); }
struct wrongly {
  int operator co_await() const { return 1; }
};

static_assert(awaitable<task<int>> && !awaitable<task<int>&> && !awaitable<const task<int>>);
static_assert(awaitable<task_handle<int>&> && awaitable<decltype(weft::stackless::sleep(weft::never))>);
static_assert(awaitable<by_member> && awaitable<by_member&> && awaitable<by_function>);
static_assert(!awaitable<int> && !awaitable<wrongly> && !awaitable<std::string&>);
static_assert(std::is_same_v<await_result_t<task<int>>, int> && std::is_same_v<await_result_t<by_member>, int>);
static_assert(std::is_void_v<await_result_t<by_function>>);

}  // namespace

TEST_CASE("a type of one's own is awaited through its operator co_await") {
  const auto body = []() -> task<int> {
    co_await by_function();
    const by_member named{2};
    co_return co_await by_member{40} + co_await named;
  };
  CHECK(weft::stackless::run(body()) == 42);
}

TEST_CASE("co_await of anything else is an error of compilation that says what can be awaited") {
  if (!weft::test::has_compiler()) return weft::test::skip("cross compiled: the compiler is on another machine");
  CHECK(complaint("task<> f(task<int> t) { co_await std::move(t); co_await yield(); }").empty());
  const std::string said =
      complaint("task<> f(task<int> t) { co_await 5; co_await t; }\ngenerator<int> g() { co_await yield(); }");
  CAPTURE(said);
  CHECK(said.find("this cannot stand behind co_await in a task") != std::string::npos);
  CHECK(said.find("std::move one that has a name") != std::string::npos);
  CHECK(said.find("an async_generator may") != std::string::npos);
}

TEST_CASE("a handle that has a name is moved where it is given up, and the compiler says so") {
  if (!weft::test::has_compiler()) return weft::test::skip("cross compiled: the compiler is on another machine");
  const std::string in_a_task = "#include <weft/stackless.hpp>\ntask<> f(task_handle<int> h) { co_await ";
  CHECK(complaint(in_a_task + "gather(std::move(h)); }").empty());
  for (const std::string what : {"gather(h)", "wait_for(h, weft::never)", "ensure_future(h)"}) {
    CAPTURE(what);
    CHECK(complaint(in_a_task + what + "; }").find("std::move it") != std::string::npos);
  }
}
