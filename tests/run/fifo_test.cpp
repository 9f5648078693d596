// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/run/fifo.hpp>

#include <doctest/doctest.h>

#include <array>

#include "run/fake_runnable.hpp"

using namespace weft::detail;
using namespace weft::test;

TEST_CASE("a fifo gives back in the order of arrival, and is reusable after it ran empty") {
  numbered r;
  fifo f;
  for (int round = 0; round < 3; ++round) {
    CHECK(f.empty());
    CHECK(f.front() == nullptr);
    CHECK(f.pop_front() == nullptr);
    for (int i = 0; i < 3; ++i) f.push_back(r[i]);
    CHECK(!f.empty());
    CHECK(f.front() == &r[0]);
    CHECK(f.front()->next == &r[1]);
    for (int i = 0; i < 3; ++i) CHECK(pop_number(f) == i);
  }
}

TEST_CASE("what is pushed to the front of a fifo comes first, also when it was empty") {
  numbered r;
  fifo f;
  f.push_front(r[1]);
  f.push_back(r[2]);
  f.push_front(r[0]);
  f.push_back(r[3]);
  for (int i = 0; i < 4; ++i) CHECK(pop_number(f) == i);
  CHECK(pop_number(f) == -1);
}

TEST_CASE("a fifo's front exchanges with one that goes to the back, also when it is alone") {
  numbered r;
  fifo f;
  f.push_back(r[0]);
  f.exchange_front(r[1]);
  CHECK(f.front() == &r[1]);
  CHECK(!r[1].next);
  f.push_back(r[2]);
  f.exchange_front(r[0]);
  f.push_back(r[3]);
  for (int i : {2, 0, 3, -1}) CHECK(pop_number(f) == i);
}

TEST_CASE("splicing moves everything behind what is there, and leaves the other empty and usable") {
  numbered r;
  fifo to, from;
  to.splice_back(from);
  CHECK(to.empty());
  from.push_back(r[0]);
  to.splice_back(from);  // into an empty one
  CHECK(from.empty());
  from.push_back(r[1]);
  from.push_back(r[2]);
  to.splice_back(from);
  from.push_back(r[7]);
  to.push_back(r[3]);
  for (int i = 0; i < 4; ++i) CHECK(pop_number(to) == i);
  CHECK(to.empty());
  CHECK(pop_number(from) == 7);
}

TEST_CASE("a chain is appended in its own order") {
  numbered r;
  fifo f;
  r[1].next = &r[2];
  r[2].next = nullptr;
  f.append(r[1], r[2]);
  r[3].next = nullptr;
  f.append(r[3], r[3]);
  f.push_front(r[0]);
  for (int i = 0; i < 4; ++i) CHECK(pop_number(f) == i);
  CHECK(f.empty());
}
