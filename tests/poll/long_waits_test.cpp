// SPDX-License-Identifier: BSL-1.0
#include "poll/long_waits.hpp"

#include <doctest/doctest.h>

#include <optional>

using namespace weft::detail;

namespace {

struct sleeper : waiter {
  sleeper() noexcept : waiter([](waiter&) noexcept {}) {}

  void wait(long_waits& among) {
    ticket = word.arm();
    where.emplace(among, *this, ticket);
  }
  [[nodiscard]] bool is_ended() const { return where->was_long(); }

  claim::ticket ticket = 0;
  std::optional<long_waits::place> where;
};

struct worker_of_test {
  // Until the next tick.
  void tick() {
    REQUIRE(timers_of_it.count() == 1);
    wake_list woken;
    CHECK(timers_of_it.expire(timers_of_it.next(), woken) == 1);
    woken.unpark_all();
  }

  timers timers_of_it;
  long_waits waits{timers_of_it};
};

}  // namespace

TEST_CASE("a wait is long after one period or two") {
  worker_of_test here;
  sleeper early, late;
  early.wait(here.waits);  // the period begins with it
  late.wait(here.waits);
  here.tick();
  CHECK(early.is_ended());
  CHECK(!late.is_ended());
  early.where.reset();
  early.wait(here.waits);
  here.tick();
  CHECK(late.is_ended());
  CHECK(!early.is_ended());
  here.tick();
  CHECK(early.is_ended());
}

TEST_CASE("whoever has left is not ended, and without anybody nothing ticks") {
  worker_of_test here;
  sleeper first, second, third;
  for (sleeper* one : {&first, &second, &third}) one->wait(here.waits);
  second.where.reset();
  here.tick();
  here.tick();
  CHECK(first.is_ended());
  CHECK(second.word.win(second.ticket, outcome::woken));  // nobody has won it before
  CHECK(third.is_ended());
  first.where.reset();
  third.where.reset();
  here.tick();  // the one that was queued already
  CHECK(here.timers_of_it.count() == 0);

  second.wait(here.waits);  // and begins again
  here.tick();
  CHECK(second.is_ended());
}

TEST_CASE("a wait that something else has ended is left alone") {
  worker_of_test here;
  sleeper woken;
  woken.wait(here.waits);
  REQUIRE(woken.word.win(woken.ticket, outcome::woken));
  here.tick();
  CHECK(!woken.is_ended());
  here.tick();  // it has not run yet, and has its place still
  CHECK(!woken.is_ended());
  woken.where.reset();
  here.tick();
  CHECK(here.timers_of_it.count() == 0);
}

TEST_CASE("one whose wait was long keeps that until it runs") {
  worker_of_test here;
  sleeper old;
  old.wait(here.waits);
  here.tick();
  CHECK(old.is_ended());
  here.tick();
  CHECK(old.is_ended());
  old.where.reset();
  here.tick();
}

TEST_CASE("an end with a tick still queued leaves nothing behind") {
  worker_of_test here;
  sleeper one;
  one.wait(here.waits);
  one.where.reset();
  CHECK(here.timers_of_it.count() == 1);
  here.waits.stop();
  CHECK(here.timers_of_it.count() == 0);
}
