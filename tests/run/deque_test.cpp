// SPDX-License-Identifier: BSL-1.0
#include "run/deque.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <memory>
#include <new>
#include <optional>
#include <vector>

#include "run/fake_runnable.hpp"
#include "support/litmus.hpp"
#include "support/scale.hpp"

using namespace weft::detail;
using namespace weft::test;

namespace {
bool no_memory = false;
}

// Replaces the global one for this program; a deque grows by it.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  if (no_memory) return nullptr;
  try {
    return ::operator new(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

namespace {

int pop_number(deque& d) {
  runnable* const r = d.pop();
  return r ? fake(r)->number : -1;
}

int oldest_number(deque& d) {
  runnable* const r = d.pop_oldest();
  return r ? fake(r)->number : -1;
}

int steal_number(deque& d) {
  runnable* r = nullptr;
  return d.steal(r) == theft::got ? fake(r)->number : -1;
}

// Counts how often each runnable of a round was taken, and by whom does not matter.
template <std::size_t Size> class taken_once {
 public:
  taken_once() { reset(); }

  void reset() {
    for (std::size_t i = 0; i < Size; ++i) {
      items_[i].number = static_cast<int>(i);
      times_[i].store(0, std::memory_order_relaxed);
    }
  }
  fake_runnable& operator[](std::size_t i) { return items_[i]; }
  // What it writes is plain: TSan sees a push that does not publish it to `note`.
  void give(deque& d, std::size_t i) {
    items_[i].number = static_cast<int>(i);
    (void)d.push(items_[i]);
  }
  bool note(runnable* r) {
    if (r) times_[std::size_t(fake(r)->number)].fetch_add(1, std::memory_order_relaxed);
    return r;
  }
  bool each() const {
    for (const auto& t : times_)
      if (t.load(std::memory_order_relaxed) != 1) return false;
    return true;
  }

 private:
  std::array<fake_runnable, Size> items_;
  std::array<std::atomic<int>, Size> times_;
};

// A thief that tries until the deque looks empty or it has stolen `most`.
template <class Items> void steal_some(deque& d, Items& items, std::size_t most) {
  for (std::size_t stolen = 0; stolen < most;) {
    runnable* loot = nullptr;
    switch (d.steal(loot)) {
      case theft::got:
        items.note(loot);
        ++stolen;
        break;
      case theft::empty:
        return;
      case theft::lost:
        break;
    }
  }
}

}  // namespace

TEST_CASE("a deque pops the youngest, and gives the oldest to thieves and to the owner who asks for it") {
  for (std::size_t capacity : {2, 4, 8, 256}) {
    deque d(capacity);
    taken_once<8> r;
    CHECK(d.is_empty());
    CHECK(pop_number(d) == -1);
    CHECK(oldest_number(d) == -1);
    CHECK(steal_number(d) == -1);
    for (int i = 0; i < 8; ++i) CHECK(d.push(r[i]));
    CHECK(!d.is_empty());
    CHECK(d.size() == 8);
    CHECK(pop_number(d) == 7);
    CHECK(oldest_number(d) == 0);
    CHECK(steal_number(d) == 1);
    CHECK(pop_number(d) == 6);
    CHECK(steal_number(d) == 2);
    CHECK(oldest_number(d) == 3);
    CHECK(pop_number(d) == 5);
    CHECK(d.size() == 1);
    CHECK(pop_number(d) == 4);
    CHECK(pop_number(d) == -1);
    CHECK(d.is_empty());
  }
}

TEST_CASE("a deque of two that is never fuller goes round its ring for ever") {
  deque d(2);
  taken_once<2> r;
  for (int round = 0; round < 100; ++round) {
    REQUIRE(d.push(r[0]));
    REQUIRE(d.push(r[1]));
    REQUIRE(steal_number(d) == 0);
    REQUIRE(d.push(r[0]));
    REQUIRE(oldest_number(d) == 1);
    REQUIRE(pop_number(d) == 0);
    REQUIRE(d.is_empty());
  }
}

TEST_CASE("a deque that wrapped round its ring keeps its order when it grows") {
  deque d(4);
  taken_once<32> r;
  for (int i = 0; i < 3; ++i) REQUIRE(d.push(r[i]));
  for (int i = 0; i < 3; ++i) REQUIRE(steal_number(d) == i);
  for (int i = 0; i < 32; ++i) REQUIRE(d.push(r[i]));
  for (int i = 0; i < 32; ++i) REQUIRE(steal_number(d) == i);
  CHECK(d.is_empty());
}

TEST_CASE("a deque that gets no memory to grow refuses, keeps what it has, and grows later") {
  deque d(2);
  taken_once<4> r;
  REQUIRE(d.push(r[0]));
  REQUIRE(d.push(r[1]));
  no_memory = true;
  CHECK(!d.push(r[2]));
  CHECK(d.size() == 2);
  CHECK(steal_number(d) == 0);
  CHECK(d.push(r[2]));  // there is room again
  CHECK(!d.push(r[3]));
  CHECK_THROWS_AS(deque(2), std::bad_alloc);
  no_memory = false;
  CHECK(d.push(r[3]));
  for (int i = 1; i < 4; ++i) CHECK(steal_number(d) == i);
  CHECK(d.is_empty());
}

// Caught by this: `pop` that takes the last one without the exchange, or that lowers `bottom_` without the seq_cst.
TEST_CASE("the last element goes to its owner or to a thief, never to both and never to neither") {
  for (std::size_t capacity : {2, 4}) {
    deque d(capacity);
    taken_once<4> r;
    CHECK(litmus(
              scaled(15'000), [&] { r.reset(); },
              [&] {
                const bool ok = d.is_empty() && r.each();
                while (d.pop()) {
                }
                return ok;
              },
              [&](stagger& wait) {
                for (std::size_t i = 0; i < 4; i += 2) {
                  r.give(d, i);
                  r.give(d, i + 1);
                  wait();
                  while (r.note(d.pop())) {
                  }
                }
              },
              [&](stagger& wait) {
                steal_some(d, r, 1);
                wait();
                steal_some(d, r, 2);
              }) == 0);
  }
}

TEST_CASE("an owner that takes from both ends and two thieves share without loss") {
  deque d(2);
  taken_once<6> r;
  CHECK(litmus(
            scaled(5'000), [&] { r.reset(); }, [&] { return d.is_empty() && r.each(); },
            [&](stagger& wait) {
              for (std::size_t i = 0; i < 6; i += 3) {
                for (std::size_t k = i; k < i + 3; ++k) r.give(d, k);
                wait();
                while (r.note(wait.random() & 1 ? d.pop_oldest() : d.pop())) {
                }
              }
            },
            [&](stagger& wait) {
              steal_some(d, r, 2);
              wait();
              steal_some(d, r, 2);
            },
            [&](stagger& wait) {
              steal_some(d, r, 1);
              wait();
              steal_some(d, r, 3);
            }) == 0);
}

// Caught by this: a ring that is shown before it is filled, or freed while a thief reads it (ASan).
TEST_CASE("a deque that grows from two while it is stolen from loses nothing and gives nothing twice") {
  std::optional<deque> d;
  taken_once<96> r;
  std::atomic<bool> pushed{false};
  CHECK(litmus(
            scaled(2'000),
            [&] {
              d.emplace(2);
              r.reset();
              pushed.store(false, std::memory_order_relaxed);
            },
            [&] { return d->is_empty() && r.each(); },
            [&](stagger& wait) {
              for (std::size_t i = 0; i < 96; ++i) {
                r.give(*d, i);
                if (wait.random() % 8 == 0) r.note(d->pop());
              }
              pushed.store(true, std::memory_order_relaxed);
              while (r.note(d->pop())) {
              }
            },
            [&](stagger&) {
              while (!pushed.load(std::memory_order_relaxed)) steal_some(*d, r, 96);
            }) == 0);
}
