// SPDX-License-Identifier: BSL-1.0
// What plain threads wait with, at their ends.
#include "fiber/thread_waiter.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <weft/weft.hpp>

#include "support/asleep.hpp"

using weft::detail::claim;
using weft::detail::outcome;
using weft::detail::thread_waiter;

namespace {

// Made before the thread's first wait, and so ended after what is made by that.
struct late_waiter {
  const thread_waiter** own = nullptr;
  const thread_waiter** others = nullptr;
  ~late_waiter() {
    if (!own) return;
    *own = &thread_waiter::mine();
    std::thread([this] { *others = &thread_waiter::mine(); }).join();
  }
};
thread_local late_waiter last_of_all;

}  // namespace

TEST_CASE("a thread that waits while its variables end shares its waiter with nobody") {
  const thread_waiter *first = nullptr, *late = nullptr, *others = nullptr;
  std::thread([&] {
    last_of_all.own = &late;
    last_of_all.others = &others;
    first = &thread_waiter::mine();
    CHECK(&thread_waiter::mine() == first);
  }).join();
  CHECK(late);
  CHECK(others);
  CHECK(late != others);
}

TEST_CASE("waiters go from thread to thread") {
  const thread_waiter* seen[2] = {};
  for (auto& mine : seen) std::thread([&mine] { mine = &thread_waiter::mine(); }).join();
  CHECK(seen[0] == seen[1]);
}

TEST_CASE("a thread whose deadline passes when its wait has been won waits for the unpark that it is owed") {
  std::atomic<thread_waiter*> waiter{nullptr};
  std::atomic<int> thread_id{0};
  std::atomic<bool> goes_on{false};
  bool told = false, was_told = false;
  outcome why{};
  std::thread late([&] {
    thread_waiter& mine = thread_waiter::mine();
    const claim::ticket ticket = mine.word.arm();
    REQUIRE(mine.word.win(ticket, outcome::woken));  // as somebody else would
    thread_id = gettid();
    waiter = &mine;
    mine.block(ticket, 1);
    was_told = told;
    why = mine.word.result(ticket);
    goes_on = true;
  });
  while (!waiter) std::this_thread::yield();
  while (!goes_on && !weft::test::is_asleep(thread_id)) std::this_thread::yield();
  told = !goes_on;
  waiter.load()->unpark(*waiter);
  late.join();
  CHECK(was_told);
  CHECK(why == outcome::woken);
}
