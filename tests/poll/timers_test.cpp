// SPDX-License-Identifier: BSL-1.0
#include "poll/timers.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <random>
#include <thread>
#include <vector>
#include <weft/base/deadline.hpp>

#include "poll/clock.hpp"
#include "support/scale.hpp"

using namespace weft::detail;
using weft::test::scaled;

namespace {

constexpr std::int64_t limit = weft::deadline::limit;

struct recorded : timer_node {
  explicit recorded(std::vector<recorded*>& into) noexcept
      : timer_node([](timer_node& self, wake_list&) noexcept {
          auto& me = static_cast<recorded&>(self);
          me.log->push_back(&me);
        }),
        log(&into) {}
  std::vector<recorded*>* log;
};

// A time of any magnitude after `now`.
std::int64_t some_time(std::mt19937_64& random, std::int64_t now) {
  const auto bits = random() % 45;
  return now + static_cast<std::int64_t>(random() & ((std::uint64_t{1} << bits) - 1));
}

// Random insertions, cancels and turns, beside a sorted map.
void compare_with_model(timers& queue, std::size_t rounds) {
  std::mt19937_64 random(1);
  std::vector<recorded*> log;
  std::int64_t now = 1'000'000'000'000;
  std::deque<recorded> nodes;
  std::multimap<std::int64_t, recorded*> model;  // equal keys stay in the order of insertion
  wake_list woken;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (auto n = random() % 5; n; --n) {
      recorded& node = nodes.emplace_back(log);
      node.at = random() % 4 ? some_time(random, now + 1) : now + 1 + static_cast<std::int64_t>(random() % 64);
      queue.insert(node);
      model.emplace(node.at, &node);
    }
    if (random() % 2 && !model.empty()) {
      auto victim = model.lower_bound(some_time(random, now));
      if (victim == model.end()) --victim;
      queue.cancel(*victim->second);
      CHECK(victim->second->index == timer_node::nowhere);
      model.erase(victim);
    }
    REQUIRE(queue.next() == (model.empty() ? limit : model.begin()->first));
    now = random() % 2 ? some_time(random, now) : queue.next() == limit ? now : std::max(now, queue.next());
    log.clear();
    const std::size_t fired = queue.expire(now, woken);
    CHECK(fired == log.size());
    for (recorded* node : log) {
      REQUIRE(!model.empty());
      REQUIRE(model.begin()->second == node);
      REQUIRE(node->at <= now);
      model.erase(model.begin());
    }
    REQUIRE((model.empty() || model.begin()->first > now));
  }
  for (auto& [at, node] : model) queue.cancel(*node);
  CHECK(queue.next() == limit);
}

}  // namespace

TEST_CASE("timers fire in the order of their times, never early, and none is left behind") {
  timers queue;
  compare_with_model(queue, scaled(20'000));
}

TEST_CASE("timers that there is no memory for fire like the others") {
  for (std::uint32_t most : {0u, 1u, 2u, 5u, 100u}) {
    CAPTURE(most);
    timers queue(timers::room{most});
    compare_with_model(queue, scaled(1000));
  }
}

TEST_CASE("a million timers set and cancelled leave nothing behind, in any order") {
  const std::size_t count = scaled(1'000'000);
  std::mt19937_64 random(2);
  std::vector<recorded*> log;
  std::deque<recorded> nodes;
  std::vector<recorded*> order;
  timers queue;
  for (std::size_t i = 0; i < count; ++i) {
    recorded& node = nodes.emplace_back(log);
    node.at = some_time(random, 0);
    queue.insert(node);
    order.push_back(&node);
  }
  std::shuffle(order.begin(), order.end(), random);
  for (recorded* node : order) queue.cancel(*node);
  CHECK(queue.next() == limit);
  wake_list woken;
  CHECK(queue.expire(limit, woken) == 0);
  CHECK(log.empty());
  queue.cancel(nodes.front());  // once more: nothing to do
}

TEST_CASE("equal times fire in the order of insertion, whatever fired in between") {
  std::vector<recorded*> log;
  timers queue;
  std::deque<recorded> nodes;
  wake_list woken;
  constexpr std::int64_t at = 5'000'000'000;
  for (std::int64_t now : {0ll, 1'000ll, 4'000'000'000ll, 4'999'999'000ll, 4'999'999'999ll}) {
    queue.expire(now, woken);
    recorded ticking(log);  // time passes
    ticking.at = now;
    queue.insert(ticking);
    queue.expire(now, woken);
    for (int i = 0; i < 3; ++i) {
      nodes.emplace_back(log).at = at;
      queue.insert(nodes.back());
    }
  }
  log.clear();
  CHECK(queue.expire(at - 1, woken) == 0);
  CHECK(queue.expire(at, woken) == nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) CHECK(log[i] == &nodes[i]);
}

TEST_CASE("times at the ends of the range are fine, and the past fires at the next look") {
  std::vector<recorded*> log;
  timers queue;
  recorded first(log), past(log), last(log), endless(log);
  first.at = std::numeric_limits<std::int64_t>::min();
  past.at = 999;
  last.at = limit - 1;
  endless.at = limit;
  for (recorded* node : {&endless, &last, &first, &past}) queue.insert(*node);
  wake_list woken;
  CHECK(queue.next() == first.at);
  CHECK(queue.expire(1000, woken) == 2);
  CHECK(log == std::vector<recorded*>{&first, &past});
  CHECK(queue.next() == limit - 1);
  CHECK(queue.expire(limit - 1, woken) == 1);
  CHECK(log.back() == &last);
  queue.cancel(endless);
  CHECK(queue.next() == limit);
}

TEST_CASE("a fire may cancel a timer that is due with it, and insert others, itself too") {
  struct meddler : timer_node {
    meddler() noexcept
        : timer_node([](timer_node& self, wake_list&) noexcept {
            auto& me = static_cast<meddler&>(self);
            ++me.fired;
            me.queue->cancel(*me.victim);
            me.at += 10;
            me.queue->insert(me);
          }) {}
    timers* queue = nullptr;
    timer_node* victim = nullptr;
    int fired = 0;
  };
  std::vector<recorded*> log;
  timers queue;
  recorded victim(log), bystander(log);
  meddler m;
  m.queue = &queue;
  m.victim = &victim;
  m.at = victim.at = bystander.at = 100;
  queue.insert(m);
  queue.insert(victim);
  queue.insert(bystander);
  wake_list woken;
  CHECK(queue.expire(105, woken) == 2);
  CHECK(log == std::vector<recorded*>{&bystander});
  CHECK(queue.expire(125, woken) == 2);
  CHECK(m.fired == 3);
  queue.cancel(m);
  CHECK(queue.next() == limit);
}

TEST_CASE("a wake timer ends the wait that it was set for, and no other") {
  struct sleeper : waiter {
    sleeper() noexcept : waiter([](waiter&) noexcept {}) {}
  } who;
  timers queue;
  wake_list woken;
  const auto first = who.word.arm();
  wake_timer timer(who, first, 10);
  queue.insert(timer);
  queue.expire(9, woken);
  CHECK(woken.empty());
  queue.expire(10, woken);
  CHECK(woken.pop() == &who);
  CHECK(who.word.result(first) == outcome::deadline);

  const auto second = who.word.arm();
  wake_timer stale(who, first, 20);
  queue.insert(stale);
  queue.expire(20, woken);
  CHECK(woken.empty());
  CHECK(who.word.result(second) == outcome::none);
}

TEST_CASE("after a cancel from another thread the timer neither fires nor is it firing") {
  // The owner fires what the other thread cancels; whoever comes first, the node is the canceller's afterwards.
  struct fragile : timer_node {
    fragile() noexcept
        : timer_node([](timer_node& self, wake_list&) noexcept {
            auto& me = static_cast<fragile&>(self);
            me.value += 10;  // plain: TSan sees a fire that goes on too long
            if (me.slow) std::this_thread::yield();
            me.value += 10;
          }) {}
    int value = 0;
    bool slow = false;
  };
  constexpr std::size_t batch = 16;
  const std::size_t rounds = scaled(20'000);
  timers queue;
  std::atomic<std::size_t> round{0};
  std::atomic<std::size_t> done{0};
  std::vector<fragile> nodes(batch);
  std::size_t torn = 0;
  std::thread canceller([&] {
    for (std::size_t r = 1; r <= rounds; ++r) {
      while (round.load(std::memory_order_acquire) != r) std::this_thread::yield();
      for (std::size_t i = 0; i < batch; ++i) {
        fragile& node = nodes[(i * 7 + r) % batch];
        queue.cancel(node);
        queue.cancel(node);
        const int value = node.value;
        torn += value != 0 && value != 20;
        node.value = -1000;
      }
      done.store(r, std::memory_order_release);
    }
  });
  std::int64_t now = 0;
  std::size_t late = 0;
  for (std::size_t r = 1; r <= rounds; ++r) {
    for (std::size_t i = 0; i < batch; ++i) {
      nodes[i].value = 0;
      nodes[i].slow = (r + i) % 8 == 0;
      nodes[i].at = now + 1 + static_cast<std::int64_t>(i);
      queue.insert(nodes[i]);
    }
    round.store(r, std::memory_order_release);
    wake_list woken;
    for (std::size_t i = 0; i < batch; ++i) queue.expire(++now, woken);
    while (done.load(std::memory_order_acquire) != r) std::this_thread::yield();
    for (const fragile& node : nodes) late += node.value != -1000;
  }
  canceller.join();
  CHECK(torn == 0);
  CHECK(late == 0);
  CHECK(queue.next() == limit);
}

TEST_CASE("the system clock is the clock that deadlines are made of") {
  weft::detail::clock& source = system_clock_source::instance();
  const auto before = weft::deadline(std::chrono::steady_clock::now()).to_nanoseconds();
  const auto now = source.now();
  const auto after = weft::deadline(std::chrono::steady_clock::now()).to_nanoseconds();
  CHECK(before <= now);
  CHECK(now <= after);
}
