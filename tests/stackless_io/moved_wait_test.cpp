// SPDX-License-Identifier: BSL-1.0
// Sleeps and waits at primitives that are given to gather(), wait_for() and shield() as they are, without a task around.
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "stackless/small_tasks.hpp"
#include "support/loops.hpp"

namespace {

using namespace std::chrono_literals;
using namespace weft::stackless;
using weft::test::on_loops;
using weft::test::outcome_of;

template <class What> constexpr bool movable = std::is_move_constructible_v<What>;
using sleeping = decltype(weft::stackless::sleep(weft::never));

static_assert(movable<sleeping> && !std::is_copy_constructible_v<sleeping>);
static_assert(movable<decltype(std::declval<weft::event&>().async_wait())>);
static_assert(movable<decltype(std::declval<weft::semaphore&>().async_acquire_until(weft::never))>);
static_assert(movable<decltype(std::declval<weft::channel<std::unique_ptr<int>>&>().async_receive())>);
// Whoever awaits these is who holds the lock afterwards; what is to be sent may be a temporary.
static_assert(!movable<decltype(std::declval<weft::mutex&>().async_lock())>);
static_assert(!movable<decltype(std::declval<weft::shared_mutex&>().async_lock_shared())>);
static_assert(!movable<decltype(std::declval<weft::condition_variable&>().async_wait(
                  std::declval<std::unique_lock<weft::mutex>&>()))>);
static_assert(!movable<decltype(std::declval<weft::channel<int>&>().async_send(1))>);

}  // namespace

TEST_CASE("gather takes sleeps and waits at primitives, in any mix") {
  on_loops([]() -> task<> {
    weft::event opened;
    weft::semaphore permits(1);
    weft::latch all_here(2);
    weft::channel<std::unique_ptr<int>> numbers(1);
    numbers.send(std::make_unique<int>(7));
    weft::promise<int> promised;
    auto value = promised.get_future();
    get_running_loop().call_soon([&] {
      opened.set();
      promised.set_value(5);
    });
    auto [slept, opening, permit, first, second, number, given] = co_await gather(
        sleep(1us), opened.async_wait(), permits.async_acquire_until(weft::never), all_here.async_arrive_and_wait(),
        all_here.async_arrive_and_wait(), numbers.async_receive(), value.async_get());
    static_assert(std::is_same_v<decltype(slept), std::monostate>);
    CHECK(permit);
    CHECK(!permits.try_acquire());
    CHECK(**number == 7);
    CHECK(given == 5);

    std::vector<sleeping> naps;
    for (int i = 0; i < 5; ++i) naps.push_back(sleep(std::chrono::microseconds(i)));
    CHECK((co_await gather(std::move(naps))).size() == 5);
    (void)opening, (void)first, (void)second;
  });
}

TEST_CASE("wait_for and shield take them, too; one whose time has come has not happened") {
  on_loops([]() -> task<> {
    weft::channel<int> numbers(1);
    weft::event never_set;
    CHECK(co_await outcome_of(wait_for(numbers.async_receive(), 1us)) == "timed out");
    CHECK(co_await outcome_of(wait_for(never_set.async_wait(), 1us)) == "timed out");
    CHECK(co_await outcome_of(wait_for(sleep(weft::never), 1us)) == "timed out");
    numbers.send(3);
    CHECK(co_await wait_for(numbers.async_receive(), weft::never) == 3);
    numbers.send(4);
    CHECK(co_await shield(numbers.async_receive()) == 4);

    auto nap = sleep(1us);  // moved before it is awaited
    auto same_nap = std::move(nap);
    co_await same_nap;
  });
}
