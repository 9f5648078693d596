// SPDX-License-Identifier: BSL-1.0
// Context variables of tasks.
#include <weft/sched/context_var.hpp>

#include <doctest/doctest.h>

#include <utility>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/refusal.hpp"
#include "support/scale.hpp"

using weft::context_var;
using weft::test::refuses;
using weft::test::workers;

TEST_CASE("tasks inherit, too: from fibers, from tasks, and fibers from tasks") {
  using weft::stackless::create_task;
  using weft::stackless::task;
  static context_var<int> v;
  struct in {
    static task<int> read() { co_return v.get(); }
    static task<> write(int value) {
      v.set(value);
      co_await weft::stackless::yield();
      CHECK(v.get() == value);
    }
    static task<> all() {
      CHECK(v.get() == 7);
      co_await write(8);  // a part of this task
      CHECK(v.get() == 8);
      auto child = create_task(read());
      v.set(9);
      auto writer = create_task(write(10));
      CHECK(co_await child == 8);
      co_await writer;
      CHECK(v.get() == 9);
      auto fiber = weft::spawn([] {
        CHECK(v.get() == 9);
        v.set(11);
      });
      while (!fiber.done()) co_await weft::stackless::yield();
      CHECK(v.get() == 9);
      auto token = v.set(12);
      auto stranger = create_task([](context_var<int>::token t) -> task<> {
        CHECK(refuses(std::errc::operation_not_permitted, "made elsewhere", [&] { return v.reset(t), 0; }));
        co_return;
      }(token));
      co_await stranger;
      v.reset(token);
      CHECK(v.get() == 9);
    }
  };
  const context_var<int>::scoped here(v, 7);
  weft::stackless::run(in::all(), {.workers = workers()});
  CHECK(v.get() == 7);
  weft::run(
      [] {
        v.set(20);
        auto made = create_task(in::read());
        v.set(21);
        while (!made.done()) weft::this_fiber::yield();
        auto reader = create_task(
            [](weft::stackless::task_handle<int> h) -> task<> { CHECK(co_await h == 20); }(std::move(made)));
        while (!reader.done()) weft::this_fiber::yield();
      },
      {.workers = workers()});
}
