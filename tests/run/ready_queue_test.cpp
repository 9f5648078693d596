// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/run/ready_queue.hpp>

#include <doctest/doctest.h>

#include <array>

#include "run/fake_runnable.hpp"

using namespace weft::detail;
using namespace weft::test;

namespace {

int pop_number(ready_queue& queue) {
  runnable* const r = queue.pop();
  return r ? fake(r)->number : -1;
}

runnable* take_turns(ready_queue& queue, runnable& self) { return queue.take_turns(self, self.resume); }

}  // namespace

TEST_CASE("a hand-off goes before the others, and one that another overtakes queues behind them") {
  numbered r;
  ready_queue q;
  q.push(r[0]);
  q.push_next(r[2]);
  q.push_next(r[1]);
  CHECK(!q.empty());
  CHECK(q.peek() == &r[0]);
  for (const int expected : {1, 0, 2, -1}) CHECK(pop_number(q) == expected);
  CHECK(q.empty());
}

TEST_CASE("after sixteen hand-offs in a row the next one queues like the others, and the count begins anew") {
  numbered r;
  ready_queue q;
  for (int round = 0; round < 2; ++round) {
    q.push(r[0]);
    for (unsigned i = 0; i < ready_queue::longest_streak; ++i) {
      q.push_next(r[1]);
      CHECK(pop_number(q) == 1);
    }
    q.push_next(r[1]);
    CHECK(pop_number(q) == 0);
    CHECK(pop_number(q) == 1);
  }
  CHECK(q.empty());
}

TEST_CASE("who takes turns goes to the end of the line, and the first one runs") {
  numbered r;
  ready_queue q;
  q.push(r[0]);
  CHECK(take_turns(q, r[3]) == &r[0]);  // the only one
  CHECK(take_turns(q, r[0]) == &r[3]);
  q.push(r[1]);
  q.push(r[2]);
  CHECK(take_turns(q, r[3]) == &r[0]);
  for (const int expected : {1, 2, 3, -1}) CHECK(pop_number(q) == expected);
}

TEST_CASE("turns are not taken, and nothing changes, when the usual is not enough") {
  numbered r;
  ready_queue q;
  SUBCASE("nobody else is ready") { CHECK(!take_turns(q, r[3])); }
  SUBCASE("a hand-off waits") {
    q.push(r[0]);
    q.push_next(r[1]);
    CHECK(!take_turns(q, r[3]));
    CHECK(pop_number(q) == 1);
    CHECK(pop_number(q) == 0);
  }
  SUBCASE("the first one is of another kind") {
    r[0].resume = [](runnable&) noexcept {};
    q.push(r[0]);
    CHECK(!take_turns(q, r[3]));
    CHECK(pop_number(q) == 0);
  }
  SUBCASE("a fair turn is due") {
    q.push(r[0]);
    q.restart(2);
    CHECK(take_turns(q, r[3]) == &r[0]);
    CHECK(q.picks_left() == 1);
    CHECK(!take_turns(q, r[0]));
    CHECK(q.count_down());
    CHECK(pop_number(q) == 3);
  }
  CHECK(q.empty());
}

TEST_CASE("a turn that is taken ends a streak of hand-offs") {
  numbered r;
  ready_queue q;
  for (unsigned i = 0; i < ready_queue::longest_streak; ++i) {
    q.push_next(r[1]);
    CHECK(pop_number(q) == 1);
  }
  q.push(r[0]);
  CHECK(take_turns(q, r[2]) == &r[0]);
  q.push_next(r[1]);
  CHECK(pop_number(q) == 1);
  CHECK(pop_number(q) == 2);
}

TEST_CASE("who waits in line is counted no further than asked") {
  numbered r;
  ready_queue q;
  CHECK(q.length(8) == 0);
  q.push_next(r[3]);
  CHECK(q.length(8) == 0);
  for (const int i : {0, 1, 2}) q.push(r[i]);
  CHECK(q.length(8) == 3);
  CHECK(q.length(2) == 2);
  while (q.pop()) {
  }
}

TEST_CASE("in one line, a hand-off is the last") {
  numbered r;
  ready_queue q;
  q.push(r[0]);
  q.push_next(r[1]);
  fifo& line = q.in_line();
  CHECK(line.pop_front() == &r[0]);
  CHECK(line.pop_front() == &r[1]);
  CHECK(q.empty());
}
