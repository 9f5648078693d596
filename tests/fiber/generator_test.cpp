// SPDX-License-Identifier: BSL-1.0
// Generators as such: pulling, looping, living and ending.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <ranges>
#include <string>
#include <vector>
#include <weft/weft.hpp>

#include "fiber/generators.hpp"
#include "support/scale.hpp"

using weft::generator;
using namespace weft::test;

namespace {

struct tree {
  int value = 0;
  std::unique_ptr<tree> left, right;
};

std::unique_ptr<tree> balanced(int low, int high) {  // NOLINT(misc-no-recursion)
  if (low >= high) return nullptr;
  const int middle = low + (high - low) / 2;
  return std::make_unique<tree>(tree{middle, balanced(low, middle), balanced(middle + 1, high)});
}

void walk(const tree* at, generator<int>::yielder& yield) {  // NOLINT(misc-no-recursion)
  if (!at) return;
  walk(at->left.get(), yield);
  yield(at->value);
  walk(at->right.get(), yield);
}

}  // namespace

TEST_CASE("a loop gets what the body yields, in order, and ends with it") {
  everywhere([] {
    generator<int> g(up_to(4));
    CHECK(rest_of(g) == std::vector<int>{0, 1, 2, 3});
    CHECK(g.ended());
    CHECK(rest_of(g).empty());
    CHECK_FALSE(g.next());
  });
}

TEST_CASE("a loop goes on where the last one, or next(), has left off") {
  everywhere([] {
    generator<int> g(up_to(7));
    CHECK(g.next() == 0);
    for (const int value : g)
      if (value == 2) break;
    CHECK(g.next() == 3);
    CHECK(rest_of(g) == std::vector<int>{4, 5, 6});
  });
}

TEST_CASE("a body yields from the depth of a recursion") {
  everywhere([] {
    const auto root = balanced(0, 100);
    generator<int> g([&](auto& yield) { walk(root.get(), yield); });
    const auto all = rest_of(g);
    CHECK(all.size() == 100);
    CHECK(std::ranges::is_sorted(all));
  });
}

TEST_CASE("what a generator stands on is reached by its iterator, until that goes on") {
  generator<std::string> words([](auto& yield) {
    yield("one");
    yield("three");
  });
  auto at = words.begin();
  CHECK(at->size() == 3);
  at++;
  CHECK(at->size() == 5);
  at++;
  CHECK(at == words.end());
}

TEST_CASE("a generator is an input range: views apply to it, also to a named one, which goes on behind them") {
  static_assert(std::ranges::input_range<generator<int>>);
  static_assert(std::input_iterator<generator<int>::iterator>);
  generator<int> g([](auto& yield) {
    for (int i = 1;; ++i) yield(i);
  });
  std::vector<int> found;
  // Not views::take: it asks for one more than it hands on.
  for (const int v :
       g | std::views::filter([](int i) { return i % 3 == 0; }) | std::views::transform([](int i) { return i * 10; })) {
    found.push_back(v);
    if (found.size() == 3) break;
  }
  CHECK(found == std::vector<int>{30, 60, 90});
  CHECK(g.next() == 10);
}

TEST_CASE("items that cannot be copied are moved out, and a loop may move them out of the body") {
  everywhere([] {
    generator<std::unique_ptr<int>> g([](auto& yield) {
      yield(std::make_unique<int>(1));
      auto kept = std::make_unique<int>(2);
      yield(std::move(kept));
      CHECK(kept == nullptr);
      yield(std::make_unique<int>(3));
    });
    CHECK(**g.next() == 1);
    CHECK(**g.next() == 2);
    for (auto& item : g) {
      const auto mine = std::move(item);
      CHECK(*mine == 3);
    }
  });
}

TEST_CASE("an lvalue that is yielded stays the body's own") {
  generator<std::string> g([](auto& yield) {
    std::string text = "a";
    for (int i = 0; i < 3; ++i) {
      yield(text);
      text += "b";
    }
    yield("literal");
  });
  CHECK(g.next() == "a");
  for (auto& item : g) {
    item += "!";
    CHECK((item == "ab!" || item == "abb!" || item == "literal!"));
  }
}

TEST_CASE("a body that never began is destroyed without a run, and its stack was never taken") {
  int alive = 0;
  const auto before = weft::stats();
  {
    std::vector<generator<int>> all;
    for (int i = 0; i < 1000; ++i) all.emplace_back([mine = counted(alive)](auto& yield) { yield(1); });
    CHECK(alive == 1000);
    CHECK(weft::stats().stacks_in_use == before.stacks_in_use);
    all[0].close();
    CHECK(alive == 999);
    CHECK(all[1].next() == 1);
    CHECK(weft::stats().stacks_in_use == before.stacks_in_use + 1);
  }
  CHECK(alive == 0);
  CHECK(weft::stats().stacks_in_use == before.stacks_in_use);
}

TEST_CASE("an ended generator has given its stack back before it is destroyed") {
  const auto before = weft::stats().stacks_in_use;
  generator<int> g(up_to(1));
  CHECK(g.next() == 0);
  CHECK(weft::stats().stacks_in_use == before + 1);
  CHECK_FALSE(g.next());
  CHECK(weft::stats().stacks_in_use == before);
}

TEST_CASE("a generator is moved while its body stands in a yield; what is left behind is empty") {
  everywhere([] {
    generator<int> first(up_to(4));
    CHECK(first.next() == 0);
    generator<int> second(std::move(first));
    CHECK_FALSE(first.next());  // NOLINT(bugprone-use-after-move): it says what it is then
    CHECK(first.ended());
    CHECK_NOTHROW(first.close());
    CHECK(rest_of(first).empty());
    CHECK(second.next() == 1);
    first = std::move(second);
    CHECK(rest_of(first) == std::vector<int>{2, 3});
    generator<int> none;
    CHECK(none.ended());
    CHECK_FALSE(none.next());
  });
}

TEST_CASE("what the body returns is there when it has returned, and not before") {
  everywhere([] {
    generator<int, void, std::string> g([](auto& yield) {
      yield(1);
      return std::string("done");
    });
    CHECK_THROWS_AS((void)g.result(), std::system_error);
    CHECK(g.next() == 1);
    CHECK_THROWS_AS((void)g.result(), std::system_error);
    CHECK_FALSE(g.next());
    CHECK(g.result() == "done");
    generator<int, void, std::string> closed([](auto& yield) {
      yield(1);
      return std::string("done");
    });
    CHECK(closed.next() == 1);
    closed.close();
    CHECK_THROWS_AS((void)closed.result(), std::system_error);
  });
}

TEST_CASE("a generator pulls another one, as stages of a pipeline") {
  everywhere([] {
    generator<int> numbers([](auto& yield) {
      for (int i = 2;; ++i) yield(i);
    });
    std::vector<generator<int>> sieve;
    std::vector<int> primes;
    sieve.reserve(30);
    sieve.push_back(std::move(numbers));
    while (primes.size() < 25) {
      generator<int>& last = sieve.back();
      const int prime = *last.next();
      primes.push_back(prime);
      sieve.emplace_back([&last, prime](auto& yield) {
        for (const int n : last)
          if (n % prime != 0) yield(n);
      });
    }
    CHECK(primes.back() == 97);
  });
}

TEST_CASE("stacks are reused: many generators one after the other, and many at once") {
  everywhere([] {
    const std::size_t many = weft::test::scaled(20'000, 500);
    long sum = 0;
    for (std::size_t i = 0; i < many; ++i) {
      generator<int> g(up_to(3));
      for (const int value : g) sum += value;
    }
    CHECK(sum == long(many) * 3);
    std::vector<generator<int>> all;
    for (std::size_t i = 0; i < std::min<std::size_t>(many, 2'000); ++i) all.emplace_back(up_to(2));
    for (auto& g : all) CHECK(g.next() == 0);
    for (auto& g : all) CHECK(g.next() == 1);
  });
}

TEST_CASE("a stack size may be asked for, and one that cannot be is refused") {
  const auto deep = [](auto& yield) {
    std::array<volatile char, 3 << 20> big;
    big[0] = 1;
    big[big.size() - 1] = 2;
    yield(int(big[0]) + int(big[big.size() - 1]));
  };
  generator<int> g({.stack_size = 4 << 20}, deep);
  CHECK(g.next() == 3);
  CHECK_THROWS_AS(generator<int>({.stack_size = 1}, deep), std::system_error);
}
