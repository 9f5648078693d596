// SPDX-License-Identifier: BSL-1.0
// The word in which an end, a joiner and a canceller meet.
#include "run/direct_joiner.hpp"

#include <doctest/doctest.h>

#include "support/litmus.hpp"
#include "support/scale.hpp"

using namespace weft::detail;
using namespace weft::test;

namespace {

struct joining : direct_joiner {
  joining() : direct_joiner([](waiter&) noexcept {}) {}
};

bool end_owes(completion& word) {
  const completion::end told = word.finish();
  return told.joiner && told.wins_joiner();
}

}  // namespace

TEST_CASE("the end takes a direct joiner out, and there is no claim to be won for it") {
  completion word;
  word.begin(false);
  joining j;
  CHECK(j.join(word));
  CHECK(!word.has_ended());
  const completion::end told = word.finish();
  CHECK(told.joiner == &j);
  CHECK(told.wins_joiner());
  CHECK(!told.detached);
  CHECK(word.has_ended());
  CHECK(!j.cancel());
}

TEST_CASE("a direct joiner is not shown to what has ended, nor beside another joiner of either kind") {
  completion word;
  joining first, second;
  CHECK(!first.join(word));  // never begun
  word.begin(false);
  CHECK(first.join(word));
  CHECK(!second.join(word));
  wait_node node(second, second.word.arm());
  CHECK(word.show(node) == completion::shown::other_joiner);
  CHECK(word.take_back(first));
  CHECK(word.show(node) == completion::shown::waiting);
  CHECK(!first.join(word));
  CHECK(!word.take_back(second));  // it waits by its claim
  CHECK(end_owes(word));
}

TEST_CASE("who is taken back is nobody's joiner: the end is quiet, the lock and a handle that lets go are kept") {
  completion word;
  word.begin(false);
  joining j;
  CHECK(j.join(word));
  CHECK(word.lock());
  CHECK(word.take_back(j));
  CHECK(!word.take_back(j));
  CHECK(word.detach());
  word.unlock();
  const completion::end told = word.finish();
  CHECK(!told.joiner);
  CHECK(told.detached);
}

TEST_CASE("an end at once is for a word that nobody waits at, or a direct joiner, and leaves every other as it is") {
  completion word;
  joining j;
  waiter* told = &j;
  word.begin(false);
  CHECK(word.finish_at_once(told));
  CHECK(!told);
  CHECK(word.has_ended());
  CHECK(!word.finish_at_once(told));

  word.begin(false);
  CHECK(j.join(word));
  CHECK(word.finish_at_once(told));
  CHECK(told == &j);
  CHECK(word.has_ended());

  word.begin(true);  // the block is to be given back
  CHECK(!word.finish_at_once(told));
  CHECK(word.finish().detached);

  word.begin(false);
  CHECK(word.lock());  // a canceller walks its scopes
  CHECK(!word.finish_at_once(told));
  CHECK(j.join(word));
  CHECK(!word.finish_at_once(told));
  CHECK(!word.has_ended());
  word.unlock();
  CHECK(word.finish_at_once(told));

  word.begin(false);
  wait_node node(j, j.word.arm());
  CHECK(word.show(node) == completion::shown::waiting);
  CHECK(!word.finish_at_once(told));  // the node is read first
  CHECK(end_owes(word));
}

// Caught by this: a joiner that looks before it is shown; a canceller that looks
// before it marks.
TEST_CASE("a joiner whose fiber never ends sees the cancellation, or the canceller sees the joiner") {
  completion word;
  joining j;
  int parks = 0, owed = 0;
  CHECK(litmus(
            scaled(20'000),
            [&] {
              word.begin(false);
              j.word.clear_pending();
              j.joins.store(nullptr, std::memory_order_relaxed);
              parks = owed = 0;
            },
            [&] {
              const bool right = parks == owed && j.word.pending();
              (void)word.take_back(j);
              (void)word.finish();
              return right;
            },
            [&](stagger& wait) {
              wait(64);
              if (j.word.pending()) return;
              parks = j.join(word);
            },
            [&](stagger& wait) {
              wait(128);
              owed = j.cancel();
              wait(64);
              owed += j.cancel();  // once more
            }) == 0);
}

TEST_CASE("of the end and a canceller one has taken the joiner out, and owes it the unpark") {
  completion word, next;
  joining j;
  int parks = 0, by_end = 0, by_canceller = 0;
  bool ended = false;
  CHECK(litmus(
            scaled(20'000),
            [&] {
              word.begin(false);
              next.begin(false);
              j.word.clear_pending();
              by_end = by_canceller = 0;
              parks = j.join(word);
            },
            [&] {
              const bool right = parks == by_end + by_canceller && ended && word.has_ended();
              (void)next.finish();
              return right;
            },
            [&](stagger& wait) {
              wait(64);
              by_end = end_owes(word);
              ended = word.has_ended();
              wait(64);
              by_end += end_owes(next);
            },
            [&](stagger& wait) {
              wait(64);
              by_canceller = j.cancel();
              wait(64);
              by_canceller += j.cancel();
            }) == 0);
}

// Caught by this: an end that does not look whether it is locked.
TEST_CASE("what is locked does not end before it is unlocked, whatever its end has to tell") {
  completion word;
  joining j;
  wait_node node;
  int kind = 0, ended_early = 0;
  CHECK(litmus(
            scaled(20'000),
            [&] {
              kind = (kind + 1) % 4;
              word.begin(kind == 1);
              if (kind == 2) (void)j.join(word);
              if (kind == 3) {
                node.who = &j;
                node.generation = j.word.arm();
                (void)word.show(node);
              }
              ended_early = 0;
            },
            [&] { return ended_early == 0 && word.has_ended(); },
            [&](stagger& wait) {
              wait(64);
              (void)end_owes(word);
            },
            [&](stagger& wait) {
              for (int twice = 0; twice < 2; ++twice) {
                wait(64);
                if (!word.lock()) continue;
                wait(256);
                ended_early += word.has_ended();
                word.unlock();
              }
            }) == 0);
}

// Caught by this: a withdrawal that does not wait until the end has read the node.
TEST_CASE("a joiner that withdraws has its node for itself, and knows whether the end came first") {
  completion word;
  joining j, other;
  wait_node node;
  bool withdrawn_late = false, ended = false;
  completion::end told{};
  claim::ticket ticket = 0;
  CHECK(litmus(
            scaled(20'000),
            [&] {
              word.begin(false);
              node.who = &j;
              ticket = node.generation = j.word.arm_deaf();
              (void)word.show(node);
            },
            [&] {
              const bool of_node = told.joiner == &j && told.generation == ticket;
              return withdrawn_late ? of_node && ended : !told.joiner;
            },
            [&](stagger& wait) {
              wait(64);
              told = word.finish();
            },
            [&](stagger& wait) {
              wait(64);
              withdrawn_late = word.withdraw(node);
              ended = word.has_ended();
              node.who = &other;  // as when its frame goes
              node.generation = 0;
              wait(64);
              (void)word.withdraw(node);  // once more
            }) == 0);
}
