// SPDX-License-Identifier: BSL-1.0
#include "run/inbox.hpp"

#include <doctest/doctest.h>

#include <array>
#include <vector>

#include "run/fake_runnable.hpp"
#include "support/litmus.hpp"
#include "support/scale.hpp"

using namespace weft::detail;
using namespace weft::test;

TEST_CASE("an inbox gives everything at once, in the order of arrival, behind what the owner had") {
  std::array<fake_runnable, 5> r;
  for (int i = 0; i < 5; ++i) r[i].number = i;
  inbox in;
  fifo f;
  CHECK(in.is_empty());
  CHECK(in.take_all(f) == 0);
  CHECK(f.empty());
  f.push_back(r[0]);
  CHECK(in.push(r[1]));
  CHECK(!in.push(r[2]));
  CHECK(!in.push(r[3]));
  CHECK(!in.is_empty());
  CHECK(in.take_all(f) == 3);
  CHECK(in.is_empty());
  CHECK(in.push(r[4]));
  CHECK(in.take_all(f) == 1);
  for (int i = 0; i < 5; ++i) CHECK(pop_number(f) == i);
  CHECK(pop_number(f) == -1);
}

// Caught by this: a list that is taken by load and store, or handed over unreversed; under TSan a push that does not
// release.
TEST_CASE("an inbox loses nothing, keeps each sender's order and tells one sender per emptiness") {
  std::array<fake_runnable, 8> r;  // the senders' halves
  inbox in;
  fifo got;
  std::array<int, 2> told_empty{};
  std::size_t taken = 0, takes = 0;
  const auto take = [&] {
    const std::size_t n = in.take_all(got);
    taken += n;
    takes += n != 0;
  };
  const auto send = [&](std::size_t who, std::size_t i) {
    r[i].number = static_cast<int>(i);
    told_empty[who] += in.push(r[i]);
  };
  CHECK(litmus(
            scaled(15'000),
            [&] {
              told_empty = {};
              taken = takes = 0;
            },
            [&] {
              take();
              std::array<int, 2> next{0, 4};
              bool ok = taken == 8 && in.is_empty() && std::size_t(told_empty[0] + told_empty[1]) == takes;
              for (int n; (n = pop_number(got)) != -1;) ok &= n == next[std::size_t(n / 4)]++;
              return ok && next[0] == 4 && next[1] == 8;
            },
            [&](stagger& wait) {  // the owner, which is the first sender too
              for (std::size_t i = 0; i < 4; ++i) {
                send(0, i);
                if (i & 1) take();
                wait(16);
              }
            },
            [&](stagger& wait) {
              for (std::size_t i = 4; i < 8; ++i) {
                send(1, i);
                wait(16);
              }
            }) == 0);
}
