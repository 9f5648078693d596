// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <weft/detail/base/spin_lock.hpp>
#include <weft/detail/run/wait_queue.hpp>

#include "support/litmus.hpp"
#include "support/scale.hpp"

using namespace weft::detail;
using namespace weft::test;

namespace {

struct fake_waiter : waiter {
  fake_waiter() : waiter([](waiter& w) noexcept { ++static_cast<fake_waiter&>(w).unparks; }) {}

  std::atomic<int> unparks{0};
};

}  // namespace

TEST_CASE("a wait queue wakes the first linked first, and one at a time") {
  std::array<fake_waiter, 3> w;
  std::array<std::optional<wait_node>, 3> n;
  wait_queue q;
  CHECK(q.empty());
  CHECK(q.claim_one(outcome::woken) == nullptr);
  for (std::size_t i = 0; i < 3; ++i) {
    n[i].emplace(w[i], w[i].word.arm());
    q.push_back(*n[i]);
    CHECK(n[i]->linked);
  }
  CHECK(q.front() == &*n[0]);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(q.claim_one(outcome::woken) == &*n[i]);
    CHECK(!n[i]->linked);
    CHECK(w[i].word.result(n[i]->generation) == outcome::woken);
    CHECK(w[i].unparks == 0);  // that is the caller's duty
  }
  CHECK(q.empty());
}

TEST_CASE("a wait queue passes over those that somebody else has won already") {
  std::array<fake_waiter, 3> w;
  std::array<std::optional<wait_node>, 3> n;
  wait_queue q;
  for (std::size_t i = 0; i < 3; ++i) q.push_back(n[i].emplace(w[i], w[i].word.arm()));
  CHECK(w[0].word.win(n[0]->generation, outcome::deadline));
  CHECK(w[2].word.cancel());
  CHECK(q.claim_one(outcome::woken) == &*n[1]);
  CHECK(q.claim_one(outcome::woken) == nullptr);
  CHECK(q.empty());
  CHECK(w[0].word.result(n[0]->generation) == outcome::deadline);
  for (auto& node : n) q.remove(*node);  // unlinked already: nothing happens
  CHECK(q.empty());
}

TEST_CASE("a node is removed from the front, the middle, the back and as the only one, and can be linked again") {
  fake_waiter w;
  const auto ticket = w.word.arm();
  std::array<std::optional<wait_node>, 3> n;
  for (auto& node : n) node.emplace(w, ticket);
  for (std::size_t gone = 0; gone < 3; ++gone) {
    wait_queue q;
    for (auto& node : n) q.push_back(*node);
    q.remove(*n[gone]);
    q.remove(*n[gone]);
    CHECK(q.front() == &*n[gone == 0 ? 1 : 0]);
    q.push_back(*n[gone]);  // now the last
    const std::size_t order[] = {(gone == 0 ? 1u : 0u), (gone == 2 ? 1u : 2u), gone};
    for (std::size_t i : order) {
      CHECK(q.front() == &*n[i]);
      q.remove(*n[i]);
    }
    CHECK(q.empty());
  }
}

TEST_CASE("one waiter in many queues is woken by one of them") {
  fake_waiter w;
  const auto ticket = w.word.arm();
  std::array<wait_queue, 8> queues;
  std::array<std::optional<wait_node>, 8> nodes;
  for (std::size_t i = 0; i < 8; ++i) queues[i].push_back(nodes[i].emplace(w, ticket));
  int woken = 0;
  for (auto& q : queues) woken += q.claim_one(outcome::woken) != nullptr;
  CHECK(woken == 1);
}

TEST_CASE("claim_all wakes everybody who is still waiting, in order, after the lock is released") {
  std::array<fake_waiter, 4> w;
  std::array<std::optional<wait_node>, 4> n;
  wait_queue q;
  for (std::size_t i = 0; i < 4; ++i) q.push_back(n[i].emplace(w[i], w[i].word.arm()));
  CHECK(w[1].word.win(n[1]->generation, outcome::deadline));
  wake_list woken;
  CHECK(woken.empty());
  q.claim_all(outcome::closed, woken);
  CHECK(q.empty());
  CHECK(w[0].unparks == 0);
  CHECK(woken.pop() == &w[0]);
  woken.push(w[0]);  // a list that was popped from goes on
  CHECK(woken.pop() == &w[2]);
  woken.unpark_all();
  CHECK(woken.empty());
  CHECK(woken.pop() == nullptr);
  const int expected[] = {1, 0, 0, 1};
  for (std::size_t i = 0; i < 4; ++i) CHECK(w[i].unparks == expected[i]);
  for (std::size_t i : {0, 2, 3}) CHECK(w[i].word.result(n[i]->generation) == outcome::closed);
  woken.push(w[1]);  // and one that ran empty
  woken.unpark_all();
  CHECK(w[1].unparks == 1);
}

// Two queues with a lock each, one waiter in both, as in select. Its frame is overwritten with a tripwire as soon as the
// waiter goes on: a node in a dead frame can be won then, and shows. Under ASan and TSan the overwriting shows itself.
// Caught by this: a waiter that leaves a node linked, or unlinks it without the lock.
TEST_CASE("the loser of a wait never touches the frame of the waiter that has gone on") {
  struct side {
    spin_lock lock;
    wait_queue queue;
  };
  std::array<side, 2> sides;
  fake_waiter w, tripwire;
  const auto never = tripwire.word.arm();
  struct frame {
    wait_node nodes[2];
  };
  std::optional<frame> f;
  int waits = 0;
  const auto waker = [&](side& s, stagger& wait) {
    for (int i = 0; i < 2; ++i) {
      wait_node* n;
      waiter* who = nullptr;
      {
        std::lock_guard guard(s.lock);
        n = s.queue.claim_one(outcome::woken);
        if (n) who = n->who;
      }
      if (who) who->unpark(*who);
      wait();
    }
  };
  CHECK(litmus(
            scaled(10'000),
            [&] {
              w.unparks = 0;
              waits = 0;
            },
            [&] {
              return w.unparks == waits && tripwire.unparks == 0 && sides[0].queue.empty() && sides[1].queue.empty();
            },
            [&](stagger& wait) {
              for (int i = 0; i < 2; ++i) {
                f.emplace();
                const auto ticket = w.word.arm();
                for (std::size_t k = 0; k < 2; ++k) {
                  f->nodes[k].who = &w;
                  f->nodes[k].generation = ticket;
                  std::lock_guard guard(sides[k].lock);
                  sides[k].queue.push_back(f->nodes[k]);
                }
                wait();
                if (!w.word.win(ticket, outcome::deadline)) {  // its timer comes at a random moment
                  ++waits;
                  spin_until([&] { return w.unparks == waits; });
                }
                for (std::size_t k = 0; k < 2; ++k) {
                  std::lock_guard guard(sides[k].lock);
                  sides[k].queue.remove(f->nodes[k]);
                }
                for (wait_node& n : f->nodes) {
                  n.who = &tripwire;
                  n.generation = never;
                }
              }
            },
            [&](stagger& wait) { waker(sides[0], wait); }, [&](stagger& wait) { waker(sides[1], wait); }) == 0);
}
