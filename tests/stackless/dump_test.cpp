// SPDX-License-Identifier: BSL-1.0
// What dumps say of tasks.
#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "stackless/small_tasks.hpp"

namespace {

using weft::stackless::task;
using weft::stackless::task_handle;
using weft::test::joins_as_cancelled;

int waiting_in_dump() {
  std::array<int, 2> ends;
  REQUIRE(::pipe(ends.data()) == 0);
  weft::dump(ends[1]);
  std::array<char, 4096> room;
  const std::string_view text(room.data(), std::size_t(::read(ends[0], room.data(), room.size())));
  for (const int end : ends) ::close(end);
  int count = 0;
  for (auto at = text.find(" waits for "); at != text.npos; at = text.find(" waits for ", at + 1)) ++count;
  return count;
}

task<> wait_for_event(weft::event& what) { co_await what.async_wait(); }
task<> join_task(task_handle<>& whom) { co_await whom; }

}  // namespace

TEST_CASE("a task that was woken and has not run yet does not wait any more") {
  const auto looks = []() -> task<> {
    weft::event happened;
    auto waiting = weft::stackless::create_task(wait_for_event(happened));
    auto joining = weft::stackless::create_task(join_task(waiting));
    for (int i = 0; i < 4; ++i) co_await weft::stackless::yield();
    CHECK(waiting_in_dump() == 2);
    joining.cancel();
    CHECK(waiting_in_dump() == 1);
    happened.set();
    CHECK(waiting_in_dump() == 0);
    CHECK(co_await joins_as_cancelled(joining));
    co_await waiting;
  };
  weft::stackless::run(looks(), {.workers = 1});
}
