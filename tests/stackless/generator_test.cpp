// SPDX-License-Identifier: BSL-1.0
// Generators against what Python documents of its own: pull, send, throw, close.
#include <weft/stackless/generator.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "stackless/generators.hpp"
#include "support/refusal.hpp"

namespace {

using weft::stackless::generator;
using weft::stackless::generator_exit;
using weft::test::an;
using weft::test::count_to;
using weft::test::logging;
using weft::test::refuses;

// The notes' jumping range.
generator<int, int> jumping_range(int up_to) {
  for (int index = 0; index < up_to;) {
    const std::optional<int> jump = co_yield index;
    index += jump.value_or(1);
  }
}

}  // namespace

TEST_CASE("nothing of the body runs before the first pull, and its parameters go with it") {
  bool ran = false;
  const auto kept = std::make_shared<int>(1);
  const auto make = [](bool& flag, std::shared_ptr<int>) -> generator<int> {
    flag = true;
    co_yield 1;
  };
  {
    auto g = make(ran, kept);
    CHECK(kept.use_count() == 2);
    CHECK_FALSE(g.ended());
  }
  CHECK_FALSE(ran);
  CHECK(kept.use_count() == 1);
}

TEST_CASE("next gives one item after the other, then nothing, again and again") {
  auto g = count_to(2);
  CHECK(g.next() == 1);
  CHECK(g.next() == 2);
  CHECK_FALSE(g.ended());
  CHECK(g.next() == std::nullopt);
  CHECK(g.ended());
  CHECK(g.next() == std::nullopt);
  CHECK(generator<int>().next() == std::nullopt);
}

TEST_CASE("a loop goes on where the generator is, and leaves the rest for the next one") {
  auto g = count_to(6);
  CHECK(g.next() == 1);
  for (int i : g) {
    if (i == 3) break;
  }
  std::vector<int> rest;
  for (int i : g) rest.push_back(i);
  CHECK(rest == std::vector{4, 5, 6});
  CHECK(g.begin() == g.end());
}

TEST_CASE("what a generator stands on is reached by its iterator, until that goes on") {
  auto words = []() -> generator<std::string> {
    co_yield "one";
    co_yield "three";
  }();
  auto at = words.begin();
  CHECK(at->size() == 3);
  at++;
  CHECK(at->size() == 5);
  at++;
  CHECK(at == words.end());
}

TEST_CASE("the notes' jumping range prints what it does in Python") {
  auto range = jumping_range(5);
  CHECK(range.next() == 0);
  CHECK(range.send(2) == 2);
  CHECK(range.next() == 3);
  CHECK(range.send(-1) == 2);
  std::vector<int> rest;
  for (int x : range) rest.push_back(x);
  CHECK(rest == std::vector{3, 4});
}

TEST_CASE("nothing can be sent to a generator that has not begun, and sending to one that has ended is lost") {
  auto range = jumping_range(1);
  CHECK(refuses(std::errc::invalid_argument, "has not begun", [&] { return range.send(1), 0; }));
  CHECK(range.next() == 0);
  CHECK(range.next() == std::nullopt);
  CHECK(range.send(1) == std::nullopt);
}

TEST_CASE("items may be movable only, constants are copied, and the loop may take them") {
  const auto make = []() -> generator<std::unique_ptr<int>> {
    co_yield std::make_unique<int>(1);
    auto named = std::make_unique<int>(2);
    co_yield std::move(named);
    CHECK_FALSE(named);
  };
  auto g = make();
  CHECK(**g.next() == 1);
  for (auto& p : g) CHECK(*std::exchange(p, nullptr) == 2);
  const auto constants = []() -> generator<std::string> {
    const std::string text = "kept";
    co_yield text;
    CHECK(text == "kept");
  };
  auto words = constants();
  CHECK(words.next() == "kept");
  CHECK(words.next() == std::nullopt);
}

TEST_CASE("what leaves the body comes out of the pull, and ends it") {
  const auto make = []() -> generator<int> {
    co_yield 1;
    throw std::runtime_error("left");
  };
  auto g = make();
  CHECK(g.next() == 1);
  CHECK_THROWS_WITH_AS(g.next(), "left", std::runtime_error);
  CHECK(g.ended());
  CHECK(g.next() == std::nullopt);
}

TEST_CASE("raise throws at the co_yield; uncaught, unbegun or ended it comes straight back") {
  std::string log;
  auto g = logging(log);
  CHECK(g.next() == 0);
  CHECK(g.raise(an(std::runtime_error("a"))) == 1);
  CHECK(log == "raised a,");
  CHECK_THROWS_AS(g.raise(an(5)), int);
  CHECK(g.ended());
  CHECK_THROWS_AS(g.raise(an(6)), int);
  auto fresh = count_to(3);
  CHECK_THROWS_AS(fresh.raise(an(7)), int);
  CHECK(fresh.ended());
  CHECK_THROWS_AS(generator<int>().raise(an(8)), int);
  auto another = count_to(3);
  CHECK(refuses(std::errc::invalid_argument, "null", [&] { return another.raise(nullptr), 0; }));
  CHECK(another.next() == 1);
}

TEST_CASE("close throws generator_exit where the body stands; a body that returns on it is closed, too") {
  std::string log;
  auto g = logging(log);
  CHECK(g.next() == 0);
  g.close();
  CHECK(log == "exit,");
  CHECK(g.ended());
  g.close();
  const auto returns = [](bool& seen) -> generator<int> {
    try {
      co_yield 1;
    } catch (const generator_exit&) {
      seen = true;
    }
  };
  bool seen = false;
  auto second = returns(seen);
  second.close();  // it has not begun
  CHECK_FALSE(seen);
  CHECK(second.next() == std::nullopt);
  auto third = returns(seen);
  CHECK(third.next() == 1);
  third.close();
  CHECK(seen);
}

TEST_CASE("a body that yields when it is closed is refused; what else leaves it comes out of close") {
  const auto yields = []() -> generator<int> {
    bool closed = false;
    try {
      co_yield 1;
    } catch (const generator_exit&) {
      closed = true;
    }
    if (closed) co_yield 2;
  };
  auto g = yields();
  CHECK(g.next() == 1);
  CHECK(refuses(std::errc::operation_not_permitted, "although it was closed", [&] { return g.close(), 0; }));
  CHECK(g.next() == std::nullopt);
  const auto throws = []() -> generator<int> {
    try {
      co_yield 1;
    } catch (const generator_exit&) {
      throw std::logic_error("instead");
    }
  };
  auto other = throws();
  CHECK(other.next() == 1);
  CHECK_THROWS_AS(other.close(), std::logic_error);
  CHECK(other.ended());
}

TEST_CASE("a generator that is destroyed in the middle destroys what lives in it") {
  const auto kept = std::make_shared<int>(1);
  const auto make = [](std::shared_ptr<int> held) -> generator<int> {
    for (;;) co_yield *held;
  };
  {
    auto g = make(kept);
    CHECK(g.next() == 1);
    auto moved = std::move(g);
    CHECK(moved.next() == 1);
    CHECK(g.next() == std::nullopt);  // NOLINT(bugprone-use-after-move): what was moved from is empty
    CHECK(kept.use_count() == 2);
    moved = count_to(1);
    CHECK(kept.use_count() == 1);
    CHECK(moved.next() == 1);
  }
}

TEST_CASE("a generator that pulls itself is told so") {
  generator<int>* self = nullptr;
  const auto make = [](generator<int>*& whole) -> generator<int> {
    CHECK(refuses(std::errc::resource_deadlock_would_occur, "running already", [&] { return whole->next(), 0; }));
    CHECK(refuses(std::errc::resource_deadlock_would_occur, "running already", [&] { return whole->close(), 0; }));
    co_yield 1;
  };
  auto g = make(self);
  self = &g;
  CHECK(g.next() == 1);
}
