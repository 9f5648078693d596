// SPDX-License-Identifier: BSL-1.0
// Generators that delegate: Python's `yield from`, over generators and ranges, and pipelines.
#include <weft/stackless/generator.hpp>

#include <doctest/doctest.h>

#include <ranges>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "stackless/generators.hpp"
#include "support/refusal.hpp"
#include "support/scale.hpp"

namespace {

using weft::stackless::elements_of;
using weft::stackless::generator;
using weft::stackless::generator_exit;
using weft::test::all_of;
using weft::test::an;
using weft::test::count_to;
using weft::test::logging;
using weft::test::refuses;

generator<int, int, std::string> through(generator<int, int, std::string> inner, int levels) {
  if (levels == 0) co_return co_yield elements_of(std::move(inner));
  co_return co_yield elements_of(through(std::move(inner), levels - 1));
}

}  // namespace

TEST_CASE("a delegation hands on items, what is sent and raised, and gives the result") {
  for (const int levels : {0, 1, 5}) {
    std::string log;
    auto g = through(logging(log), levels);
    CHECK(g.next() == 0);
    CHECK(g.send(7) == 1);
    CHECK(g.raise(an(std::runtime_error("b"))) == 2);
    CHECK(g.next() == 3);
    CHECK(refuses(std::errc::invalid_argument, "no result", [&] { return g.result(); }));
    CHECK(g.send(99) == std::nullopt);
    CHECK(g.result() == "the end");
    CHECK(log == "sent 7,raised b,next,sent 99,");
  }
}

TEST_CASE("closing a delegation closes the innermost first, and goes on outwards even if that returns") {
  std::string log;
  auto g = through(logging(log), 3);
  CHECK(g.next() == 0);
  g.close();
  CHECK(log == "exit,");
  const auto swallows = []() -> generator<int> {
    try {
      co_yield 1;
    } catch (const generator_exit&) {
    }
  };
  const auto outer = [&](bool& went_on) -> generator<int> {
    co_yield elements_of(swallows());
    went_on = true;
  };
  bool went_on = false;
  auto h = outer(went_on);
  CHECK(h.next() == 1);
  h.close();
  CHECK(h.ended());
  CHECK_FALSE(went_on);
}

TEST_CASE("closing closes what is delegated to then, and not what the body delegates to on its way out") {
  std::string log;
  const auto empty = []() -> generator<int> { co_return; };
  auto g = [](auto nothing, std::string& to) -> generator<int> {
    try {
      co_yield 1;
    } catch (const generator_exit&) {
    }
    co_yield elements_of(nothing());
    to += "cleaned,";
  }(empty, log);
  CHECK(g.next() == 1);
  g.close();
  CHECK(log == "cleaned,");
  log.clear();
  // The same in the middle of a chain, whose end is closed first.
  auto chain = [](auto nothing, std::string& to) -> generator<int> {
    try {
      co_yield elements_of(count_to(9));
    } catch (const generator_exit&) {
      to += "told,";
    }
    co_yield elements_of(nothing());
    to += "cleaned,";
  }(empty, log);
  CHECK(chain.next() == 1);
  chain.close();
  CHECK(log == "told,cleaned,");
}

TEST_CASE("a generator that is delegated to may move, and keeps its result, its errors and its owner") {
  std::string log;
  auto inner = logging(log);
  {
    auto outer = [](auto& to) -> generator<int, int, std::string> { co_return co_yield elements_of(to); }(inner);
    CHECK(outer.next() == 0);
    auto moved = std::move(inner);
    CHECK(outer.send(99) == std::nullopt);
    CHECK(outer.result() == "the end");
    inner = logging(log);
  }
  {
    auto outer = [](auto& to) -> generator<int, int, std::string> { co_return co_yield elements_of(to); }(inner);
    CHECK(outer.next() == 0);
    auto moved = std::move(inner);
    outer = {};
    CHECK(moved.next() == 1);  // its own again
    inner = std::move(moved);
  }
  auto failing = []() -> generator<int> {
    co_yield 1;
    throw std::runtime_error("inner");
  }();
  auto outer = [](auto& to) -> generator<int> { co_yield elements_of(to); }(failing);
  CHECK(outer.next() == 1);
  auto moved = std::move(failing);
  CHECK_THROWS_WITH_AS(outer.next(), "inner", std::runtime_error);
}

TEST_CASE("what leaves the inner one can be caught where it was delegated to") {
  const auto fails = []() -> generator<int> {
    co_yield 1;
    throw std::runtime_error("inner");
  };
  const auto outer = [&]() -> generator<int> {
    bool failed = false;
    try {
      co_yield elements_of(fails());
    } catch (const std::runtime_error&) {
      failed = true;
    }
    co_yield failed ? 2 : 3;
  };
  CHECK(all_of(outer()) == std::vector{1, 2});
}

TEST_CASE("a generator that has begun, or ended, or delegates itself, can be delegated to, and be gone on with") {
  const auto two = [](generator<int>& inner) -> generator<int> {
    co_yield elements_of(inner);
    co_yield 100;
  };
  const auto one = [](generator<int>& inner) -> generator<int> { co_yield elements_of(inner); };
  auto numbers = count_to(5);
  auto middle = one(numbers);
  CHECK(middle.next() == 1);
  {
    auto outer = two(middle);
    CHECK(outer.next() == 2);
    CHECK(refuses(std::errc::resource_deadlock_would_occur, "delegates to it", [&] { return middle.next(), 0; }));
    CHECK(refuses(std::errc::resource_deadlock_would_occur, "delegates to it", [&] { return numbers.next(), 0; }));
    auto rival = two(middle);
    CHECK(refuses(std::errc::resource_deadlock_would_occur, "delegates to it", [&] { return rival.next(), 0; }));
  }
  CHECK(middle.next() == 3);  // the one that delegated to it is gone
  auto rest = two(middle);
  CHECK(rest.next() == 4);
  CHECK(rest.next() == 5);
  CHECK(rest.next() == 100);
  CHECK(rest.next() == std::nullopt);
  CHECK(all_of(two(middle)) == std::vector{100});
}

TEST_CASE("a generator that gave something itself, and ended where it was delegated to, gives nothing any more") {
  const auto words = []() -> generator<std::string> {
    for (const char* word : {"first, and too long for a small string", "second, and too long for a small string"})
      co_yield word;
  };
  auto inner = words();
  for (const std::string& word : inner) {
    CHECK(word.starts_with("first"));
    break;
  }
  auto outer = [](auto& to) -> generator<std::string> { co_yield elements_of(to); }(inner);
  while (outer.next()) {
  }
  CHECK(inner.ended());
  CHECK(inner.next() == std::nullopt);
  CHECK(inner.next() == std::nullopt);
}

TEST_CASE("a million delegations to empty generators in one pull need no stack") {
  const std::size_t count = weft::test::scaled(1'000'000, 20'000);
  const auto make = [](std::size_t times) -> generator<int> {
    for (std::size_t i = 0; i < times; ++i) co_yield elements_of(count_to(0));
    co_yield 1;
  };
  CHECK(all_of(make(count)) == std::vector{1});
}

TEST_CASE("a recursion through delegations yields in order") {
  struct tree {
    static generator<int> walk(int from, int to) {
      if (from > to) co_return;
      const int middle = (from + to) / 2;
      co_yield elements_of(walk(from, middle - 1));
      co_yield middle;
      co_yield elements_of(walk(middle + 1, to));
    }
  };
  int expected = 0;
  for (int i : tree::walk(1, 500)) CHECK(i == ++expected);
  CHECK(expected == 500);
}

TEST_CASE("a deep recursion of delegations can be dropped in the middle, innermost first") {
  struct life {
    int depth;
    int& last;
    ~life() {
      if (last == depth + 1) last = depth;
    }
  };
  constexpr auto down = [](const auto& self, int depth, int most, int& last) -> generator<int> {
    const life here{depth, last};
    co_yield depth;
    if (depth < most) co_yield elements_of(self(self, depth + 1, most, last));
  };
  const int most = int(weft::test::scaled(200'000));
  int last = most + 1;
  {
    auto g = down(down, 0, most, last);
    int pulled = 0;
    while (pulled <= most && g.next() == pulled) ++pulled;
    CHECK(pulled == most + 1);
  }
  CHECK(last == 0);
}

TEST_CASE("a generator that is dropped leaves one that it does not keep where that stands, with what that keeps") {
  std::string log;
  auto named = through(logging(log), 2);
  {
    auto g = [](generator<int, int, std::string>& to) -> generator<int, int, std::string> {
      co_return co_yield elements_of(
          [](auto& inner) -> generator<int, int, std::string> { co_return co_yield elements_of(inner); }(to));
    }(named);
    CHECK(g.next() == 0);
    CHECK(g.send(7) == 1);
  }
  CHECK(named.send(8) == 2);
  named.close();
  CHECK(log == "sent 7,sent 8,exit,");
}

TEST_CASE("ranges can be delegated to, and generators are ranges: pipelines") {
  const auto make = [](std::vector<int>& some) -> generator<long> {
    co_yield elements_of(some);
    co_yield elements_of(std::views::iota(7, 9));
    co_yield elements_of(count_to(2));  // of another type
  };
  std::vector<int> some{4, 5};
  std::vector<long> got;
  for (long i : make(some)) got.push_back(i);
  CHECK(got == std::vector<long>{4, 5, 7, 8, 1, 2});

  const auto evens = [](generator<int> from) -> generator<int> {
    for (int i : from) {
      if (i % 2 == 0) co_yield i;
    }
  };
  const auto squares = [](generator<int> from) -> generator<int> {
    for (int i : from) co_yield i* i;
  };
  CHECK(all_of(squares(evens(count_to(7)))) == std::vector{4, 16, 36});
  static_assert(std::ranges::input_range<generator<int>> && std::ranges::view<generator<int>>);
  int sum = 0;
  for (int i : count_to(100) | std::views::transform([](int j) { return j * 2; })) sum += i;
  CHECK(sum == 10'100);
}
