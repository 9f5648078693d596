// SPDX-License-Identifier: BSL-1.0
#include "run/idle.hpp"

#include <doctest/doctest.h>

#include <array>
#include <random>
#include <set>
#include <vector>

using namespace weft::detail;
using role = idle::role;

TEST_CASE("half of the workers that have a CPU may search, at least one, and none where there is one CPU") {
  CHECK(idle::searcher_limit(1, 1) == 0);
  CHECK(idle::searcher_limit(16, 1) == 0);
  CHECK(idle::searcher_limit(1, 8) == 1);
  CHECK(idle::searcher_limit(2, 2) == 1);
  CHECK(idle::searcher_limit(16, 2) == 1);
  CHECK(idle::searcher_limit(4, 64) == 2);
  CHECK(idle::searcher_limit(1024, 64) == 32);
}

TEST_CASE("nobody is woken while nobody sleeps, and one at a time while one searches") {
  idle i(4, 2);
  CHECK(i.worker_to_wake() == -1);
  for (unsigned w = 0; w < 3; ++w) i.announce(w, false);
  CHECK(i.sleepers() == 3);
  CHECK(i.worker_to_wake() == 2);  // the one that fell asleep last
  CHECK(i.sleepers() == 2);
  CHECK(i.searchers() == 1);
  CHECK(i.worker_to_wake() == -1);  // that one has still to look
  CHECK(i.retract(2) == role::searching);
  CHECK(i.end_search());  // the last searcher: its duty
  CHECK(i.worker_to_wake() == 1);
  CHECK(i.try_search());
  CHECK(!i.end_search());  // worker 1 searches on
  CHECK(i.retract(1) == role::searching);
  i.announce(1, true);
  CHECK(i.searchers() == 0);
  CHECK(i.sleepers() == 2);
  CHECK(i.worker_to_wake() == 1);
}

TEST_CASE("a worker that searches by its own decision keeps others asleep, up to the limit") {
  idle i(4, 2);
  i.announce(3, false);
  CHECK(i.try_search());
  CHECK(i.worker_to_wake() == -1);
  CHECK(i.try_search());
  CHECK(!i.try_search());
  CHECK(!i.end_search());
  CHECK(i.try_search());
  i.announce(0, true);
  i.announce(1, true);
  CHECK(i.worker_to_wake() == 1);
}

TEST_CASE("with a limit of none nobody searches by its own decision, but sleepers are woken all the same") {
  idle i(2, 0);
  CHECK(!i.try_search());
  i.announce(0, false);
  CHECK(i.worker_to_wake() == 0);
  CHECK(i.searchers() == 1);
  CHECK(i.retract(0) == role::searching);
  CHECK(i.end_search());
}

TEST_CASE("a sleeper that leaves by itself is not chosen, wherever in the list it was") {
  for (unsigned leaves = 0; leaves < 3; ++leaves) {
    idle i(3, 1);
    for (unsigned w = 0; w < 3; ++w) i.announce(w, false);
    CHECK(i.retract(leaves) == role::active);
    CHECK(i.sleepers() == 2);
    CHECK(i.searchers() == 0);
    std::array<bool, 3> chosen{};
    for (int n = 0; n < 2; ++n) {
      const int w = i.worker_to_wake();
      REQUIRE(w >= 0);
      chosen[std::size_t(w)] = true;
      CHECK(i.retract(unsigned(w)) == role::searching);
      (void)i.end_search();
    }
    CHECK(!chosen[leaves]);
    CHECK(i.worker_to_wake() == -1);
    i.announce(leaves, false);
    CHECK(i.worker_to_wake() == int(leaves));
  }
}

TEST_CASE("a sleeper whose re-check saw work is a searcher, chosen meanwhile or not") {
  idle i(2, 1);
  i.announce(0, false);
  i.retract_to_search(0);
  CHECK(i.sleepers() == 0);
  CHECK(i.searchers() == 1);
  CHECK(i.end_search());
  i.announce(1, false);
  CHECK(i.worker_to_wake() == 1);
  i.retract_to_search(1);
  CHECK(i.searchers() == 1);
  CHECK(i.end_search());
}

TEST_CASE("sleepers that come and go in any order are woken exactly while they sleep") {
  std::mt19937 random(7);
  constexpr unsigned workers = 5;
  idle i(workers, 1);
  std::set<unsigned> asleep;
  for (int step = 0; step < 2'000; ++step) {
    const unsigned w = random() % workers;
    if (!asleep.count(w)) {
      i.announce(w, false);
      asleep.insert(w);
    } else if (random() % 2) {
      REQUIRE(i.retract(w) == role::active);
      asleep.erase(w);
    } else {
      const int woken = i.worker_to_wake();
      REQUIRE(woken >= 0);
      REQUIRE(asleep.erase(unsigned(woken)) == 1);
      REQUIRE(i.retract(unsigned(woken)) == role::searching);
      REQUIRE(i.end_search());
    }
    REQUIRE(i.sleepers() == asleep.size());
  }
  while (!asleep.empty()) {
    const int woken = i.worker_to_wake();
    REQUIRE(woken >= 0);
    REQUIRE(asleep.erase(unsigned(woken)) == 1);
    (void)i.end_search();
  }
  CHECK(i.worker_to_wake() == -1);
}

TEST_CASE("1024 workers sleep and are woken, each once") {
  idle i(idle::max_workers, 8);
  for (unsigned w = 0; w < idle::max_workers; ++w) i.announce(w, false);
  CHECK(i.sleepers() == idle::max_workers);
  std::vector<bool> woken(idle::max_workers);
  for (unsigned n = 0; n < idle::max_workers; ++n) {
    const int w = i.worker_to_wake();
    REQUIRE(w >= 0);
    REQUIRE(!woken[std::size_t(w)]);
    woken[std::size_t(w)] = true;
    REQUIRE(i.retract(unsigned(w)) == role::searching);
    REQUIRE(i.end_search());
  }
  CHECK(i.worker_to_wake() == -1);
}

TEST_CASE("a sleep word owes one eventfd write per preparation, and none to a worker that is awake") {
  sleep_word s;
  CHECK(!s.wake());
  s.prepare();
  CHECK(s.wake());
  CHECK(!s.wake());
  CHECK(s.end());
  CHECK(!s.wake());
  s.prepare();
  CHECK(!s.end());
  CHECK(!s.wake());
  s.prepare();
  CHECK(s.wake());
}
