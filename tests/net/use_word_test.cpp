// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <ostream>
#include <weft/detail/net/use_word.hpp>

#include "support/litmus.hpp"
#include "support/scale.hpp"

using namespace weft::detail;
using namespace weft::test;
using admission = use_word::entry;

TEST_CASE("a side has one user that is alone, or any number that are not") {
  use_word w;
  CHECK(w.enter_alone(io_side::read) == admission::granted);
  CHECK(w.enter_alone(io_side::read) == admission::busy);
  CHECK(w.enter_alone(io_side::write) == admission::granted);
  CHECK(w.enter_as_guest() == admission::granted);
  CHECK_FALSE(w.leave_as_guest());
  CHECK_FALSE(w.leave(io_side::read));
  CHECK(w.enter(io_side::read) == admission::granted);
  CHECK(w.enter(io_side::read) == admission::granted);
  CHECK(w.enter_alone(io_side::read) == admission::busy);
  CHECK(w.is_used());
  CHECK_FALSE(w.leave(io_side::read));
  CHECK_FALSE(w.leave(io_side::read));
  CHECK_FALSE(w.leave(io_side::write));
  CHECK_FALSE(w.is_used());
  CHECK(w.enter_alone(io_side::read) == admission::granted);
}

TEST_CASE("whoever is last to leave a closed word owes the close, and nobody else") {
  use_word w;
  CHECK(w.enter_alone(io_side::read) == admission::granted);
  CHECK(w.enter_alone(io_side::write) == admission::granted);
  CHECK(w.close());
  CHECK(w.is_closed());
  CHECK_FALSE(w.close());
  CHECK(w.enter_alone(io_side::read) == admission::closed);
  CHECK(w.enter(io_side::write) == admission::closed);
  CHECK(w.enter_as_guest() == admission::closed);
  CHECK_FALSE(w.leave(io_side::write));
  CHECK_FALSE(w.leave_closing());
  CHECK(w.leave(io_side::read));
}

TEST_CASE("a closer without users owes the close itself") {
  use_word w;
  CHECK(w.close());
  CHECK(w.leave_closing());
  w.reset();
  CHECK(w.enter_as_guest() == admission::granted);
  CHECK(w.close());
  CHECK_FALSE(w.leave_as_guest());
  CHECK(w.leave_closing());
}

TEST_CASE("a word in use is not closed by who asks for that") {
  use_word w;
  CHECK(w.enter_alone(io_side::write) == admission::granted);
  CHECK_FALSE(w.close_unused());
  CHECK_FALSE(w.leave(io_side::write));
  CHECK(w.close_unused());
  CHECK_FALSE(w.close_unused());
  CHECK(w.enter_alone(io_side::write) == admission::closed);
}

TEST_CASE("exposing changes neither users nor closing") {
  use_word w;
  CHECK(w.enter_alone(io_side::read) == admission::granted);
  w.expose();
  CHECK(w.is_exposed());
  CHECK_FALSE(w.leave(io_side::read));
  CHECK(w.close());
  CHECK(w.leave_closing());
}

// Caught by this: an `enter` that adds first and looks then (it brings a closed word to life, and there are two last
// ones), and a closer that is no user (the fd goes while it still wakes waiters). What users touch is plain: TSan sees
// each order that is missing.
TEST_CASE("closing while users come and go closes the fd once, after the last of them and after the waking") {
  use_word w;
  int open = 0, closes = 0, misuses = 0;
  long read_bytes = 0;
  const auto close_fd = [&] {
    open = 0;
    ++closes;
  };
  const auto use = [&] {
    if (w.enter_alone(io_side::read) != admission::granted) return;
    if (!open) ++misuses;
    ++read_bytes;
    if (w.leave(io_side::read)) close_fd();
  };
  CHECK(litmus(
            scaled(20'000),
            [&] {
              w.reset();
              open = 1;
              closes = misuses = 0;
            },
            [&] { return closes == 1 && misuses == 0 && open == 0; },
            [&](stagger& wait) {
              use();
              wait(16);
              use();
            },
            [&](stagger& wait) {
              if (!w.close()) return;
              wait(16);
              if (!open) ++misuses;  // it wakes waiters of this fd now
              if (w.leave_closing()) close_fd();
            }) == 0);
}

// Caught by this: an entry that looks and then adds, in two steps.
TEST_CASE("of two that enter alone at once, one is refused or comes after the other") {
  use_word w;
  int inside = 0, both = 0;
  long turns = 0;
  const auto use = [&](stagger& wait) {
    if (w.enter_alone(io_side::write) != admission::granted) return;
    if (++inside != 1) ++both;
    ++turns;
    wait(8);
    --inside;
    (void)w.leave(io_side::write);
  };
  const auto twice = [&](stagger& wait) {
    use(wait);
    use(wait);
  };
  CHECK(litmus(
            scaled(20'000), [&] { inside = both = 0; }, [&] { return both == 0 && !w.is_used(); }, twice, twice) == 0);
}
