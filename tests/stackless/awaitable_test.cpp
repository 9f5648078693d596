// SPDX-License-Identifier: BSL-1.0
// What may stand behind co_await in a task.
#include <weft/stackless/awaitable.hpp>

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <weft/stackless.hpp>
#include <weft/stackless/async_generator.hpp>

#include "support/session.hpp"

namespace {

using weft::stackless::await_result_t;
using weft::stackless::awaitable;
using weft::stackless::task;
using weft::stackless::task_handle;

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
