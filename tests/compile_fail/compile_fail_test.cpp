// SPDX-License-Identifier: BSL-1.0
// What must not compile, and what the compiler says of it.
#include <doctest/doctest.h>

#include <string>

#include "compile_fail/compiler.hpp"

using weft::test::complaint;

TEST_CASE("co_await of anything else than an awaitable says what can be awaited") {
  CHECK(complaint("task<> f(task<int> t) { co_await std::move(t); co_await yield(); }").empty());
  const std::string said =
      complaint("task<> f(task<int> t) { co_await 5; co_await t; }\ngenerator<int> g() { co_await yield(); }");
  CAPTURE(said);
  CHECK(said.find("this cannot stand behind co_await in a task") != std::string::npos);
  CHECK(said.find("std::move one that has a name") != std::string::npos);
  CHECK(said.find("an async_generator may") != std::string::npos);
}

TEST_CASE("a handle that has a name is moved where it is given up, and the compiler says so") {
  const std::string in_a_task = "task<> f(task_handle<int> h) { co_await ";
  CHECK(complaint(in_a_task + "gather(std::move(h)); }").empty());
  for (const std::string what : {"gather(h)", "wait_for(h, weft::never)", "ensure_future(h)"}) {
    CAPTURE(what);
    CHECK(complaint(in_a_task + what + "; }").find("std::move it") != std::string::npos);
  }
}
