// SPDX-License-Identifier: BSL-1.0
// A cancellation that comes at a bad moment: one beside a timeout's or a group's own.
#include <weft/stackless/gather.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>
#include <weft/stackless.hpp>

#include "support/loops.hpp"

namespace {

using namespace std::chrono_literals;
using namespace weft::stackless;
using weft::test::on_loops;

task<> some_turns() {
  for (int i = 0; i < 8; ++i) co_await yield();
}

// What comes out of it, by name.
template <class What> task<std::string> end_of(What what) {
  try {
    (void)co_await std::move(what);
  } catch (const weft::cancelled&) {
    co_return "cancelled";
  } catch (const weft::timed_out&) {
    co_return "timed out";
  } catch (const weft::exception_group& e) {
    co_return "group of " + std::to_string(e.exceptions().size());
  } catch (const std::exception& e) {
    co_return e.what();
  }
  co_return "result";
}

}  // namespace

TEST_CASE("timeout: when something else leaves the body nothing is left of its cancellation") {
  on_loops([]() -> task<> {
    const task_ref me = current_task();
    CHECK(co_await end_of(timeout(weft::deadline(1ms), []() -> task<> {
            try {
              co_await weft::stackless::sleep(weft::never);
            } catch (const weft::cancelled&) {
            }
            throw std::runtime_error("for another reason");
          })) == "for another reason");
    CHECK(me.cancelling() == 0);
    // It has not struck yet.
    CHECK(co_await end_of(timeout(weft::deadline(1ms), [me]() -> task<> {
            while (me.cancelling() == 0) co_await yield();
            throw std::runtime_error("in between");
          })) == "in between");
    CHECK(me.cancelling() == 0);
    co_await yield();
  });
}

TEST_CASE("timeout: the cancellation at the end of the runtime is not its own") {
  weft::stackless::run(
      []() -> task<> {
        (void)get_running_loop().create_task([]() -> task<> {
          const std::string what = co_await end_of(timeout(weft::deadline(1ms), []() -> task<> {
            try {
              co_await weft::stackless::sleep(weft::never);
            } catch (const weft::cancelled&) {  // the timeout's
            }
            co_await weft::stackless::sleep(weft::never);
          }));
          CHECK(what == "cancelled");
          if (what != "cancelled") co_await weft::stackless::sleep(weft::never);  // nobody would cancel it again
        }());
        co_await weft::stackless::sleep(weft::deadline(5ms));
      }(),
      {.workers = weft::test::workers()});
}

TEST_CASE("a cancellation that meets a failure in a task group is not lost") {
  on_loops([]() -> task<> {
    bool is_struck = false;
    auto waiter = get_running_loop().create_task([](bool& struck) -> task<> {
      CHECK(co_await end_of(with_task_group([](task_group& group) -> task<> {
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
