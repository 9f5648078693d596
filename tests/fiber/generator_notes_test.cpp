// SPDX-License-Identifier: BSL-1.0
// The programs of the notes on generators and tasks, written anew: a range that jumps, a task of a big and a small step,
// a loop that drives several.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>
#include <weft/weft.hpp>

#include "fiber/generators.hpp"
#include "support/simulated.hpp"

using weft::generator;
using weft::test::everywhere;
using weft::test::simulate;

TEST_CASE("the notes' jumping range") {
  everywhere([] {
    generator<int, int> range([](auto& yield) {
      for (int index = 0; index < 5;) index += yield(index).value_or(1);
    });
    CHECK(range.next() == 0);
    CHECK(range.send(2) == 2);
    CHECK(range.next() == 3);
    CHECK(range.send(-1) == 2);
    std::vector<int> rest;
    for (const int value : range) rest.push_back(value);
    CHECK(rest == std::vector<int>{3, 4});
    CHECK_FALSE(range.send(1));
  });
}

TEST_CASE("the notes' tasks: a task is driven step by step, and what it waits for goes up through all its callers") {
  simulate([] {
    using wait = std::chrono::milliseconds;  // what the smallest step asks of whoever drives it
    using steps = generator<wait, void, int>;
    std::vector<std::string> said;
    const auto small_step = [&](auto& yield) {
      said.emplace_back("small begins");
      yield(wait(20));
      said.emplace_back("small works");
      return 123;
    };
    const auto big_step = [&](auto& yield) {
      said.emplace_back("big begins");
      steps small(small_step);
      const int result = yield.delegate(small);
      said.emplace_back("big ends");
      return result * 1000;
    };
    const auto one_task = [&](auto& yield) {
      said.emplace_back("task begins");
      const int result = big_step(yield);  // a stackful body needs no delegate for a plain call
      said.emplace_back("task ends");
      return result;
    };
    steps task(one_task);
    const auto begin = std::chrono::steady_clock::now();
    while (const auto asked = task.next()) {
      said.emplace_back("driver waits");
      weft::this_fiber::sleep_for(*asked);
    }
    CHECK(std::chrono::steady_clock::now() - begin >= wait(20));
    CHECK(task.result() == 123'000);
    CHECK(said == std::vector<std::string>{"task begins", "big begins", "small begins", "driver waits", "small works",
                                           "big ends", "task ends"});
  });
}

TEST_CASE("the notes' loop: several tasks take turns on one driver, each resumed when what it waits for is over") {
  using steps = generator<int, void, int>;  // yields how long it wants to wait
  std::vector<std::string> order;
  const auto body = [&order](std::string name, std::vector<int> waits) {
    return steps([&order, name, waits](auto& yield) {
      int total = 0;
      for (const int w : waits) {
        order.push_back(name + std::to_string(w));
        yield(w);
        total += w;
      }
      return total;
    });
  };
  struct entry {
    int at;
    steps task;
  };
  std::vector<entry> loop;
  loop.push_back({0, body("a", {3, 3})});
  loop.push_back({0, body("b", {1, 4})});
  std::vector<int> results;
  while (!loop.empty()) {
    const auto first = std::ranges::min_element(loop, {}, &entry::at);
    if (const auto wait = first->task.next()) {
      first->at += *wait;
    } else {
      results.push_back(first->task.result());
      loop.erase(first);
    }
  }
  CHECK(order == std::vector<std::string>{"a3", "b1", "b4", "a3"});
  CHECK(results == std::vector<int>{5, 6});
}
