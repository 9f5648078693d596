// SPDX-License-Identifier: BSL-1.0
// What goes into a generator's body: values, exceptions, the end; and another generator's.
#include <doctest/doctest.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>
#include <weft/weft.hpp>

#include "fiber/generators.hpp"

using weft::generator;
using weft::generator_exit;
using namespace weft::test;

TEST_CASE("what is sent is moved, once, and a loop sends nothing") {
  everywhere([] {
    std::vector<int> got;
    generator<int, std::unique_ptr<int>> g([&](auto& yield) {
      for (int i = 0; i < 4; ++i) {
        const auto sent = yield(i);
        got.push_back(sent ? **sent : -1);
      }
    });
    CHECK(g.next() == 0);
    CHECK(g.send(std::make_unique<int>(7)) == 1);
    CHECK(g.next() == 2);
    for (const int value : g) CHECK(value == 3);
    CHECK(got == std::vector<int>{-1 + 8, -1, -1, -1});
  });
}

TEST_CASE("send() to a body that has not begun is an error, and does not begin it") {
  everywhere([] {
    bool began = false;
    generator<int, int> g([&](auto& yield) {
      began = true;
      yield(1);
    });
    CHECK_THROWS_WITH_AS(g.send(3), doctest::Contains("before the first next()"), std::system_error);
    CHECK_FALSE(began);
    CHECK(g.next() == 1);
  });
}

TEST_CASE("an exception of the body comes out of next(), with the same object, and the generator has ended") {
  everywhere([] {
    const void* thrown = nullptr;
    generator<int> g([&](auto& yield) {
      yield(1);
      try {
        throw_below<std::runtime_error>(10, "from the body");
      } catch (const std::exception& e) {
        thrown = &e;
        throw;
      }
    });
    CHECK(g.next() == 1);
    try {
      (void)g.next();
      FAIL("nothing was thrown");
    } catch (const std::runtime_error& e) {
      CHECK(&e == thrown);
    }
    CHECK(g.ended());
    CHECK_FALSE(g.next());
    generator<int> at_once([](auto&) { throw std::logic_error("at once"); });
    CHECK_THROWS_AS((void)at_once.begin(), std::logic_error);
  });
}

TEST_CASE("what is raised is thrown by the yield: the body may go on, or let it out") {
  everywhere([] {
    std::string heard;
    generator<int> g([&](auto& yield) {
      for (int i = 0;; ++i) {
        try {
          yield(i);
        } catch (const std::invalid_argument& e) {
          heard += e.what();
        }
      }
    });
    CHECK(g.next() == 0);
    CHECK(g.raise(std::make_exception_ptr(std::invalid_argument("x"))) == 1);
    CHECK(g.next() == 2);
    CHECK(heard == "x");
    CHECK_THROWS_AS(g.raise(std::make_exception_ptr(std::domain_error("y"))), std::domain_error);
    CHECK(g.ended());
    CHECK_THROWS_AS(g.raise(std::make_exception_ptr(std::domain_error("z"))), std::domain_error);
  });
}

TEST_CASE("raise() to a body that has not begun ends it and comes out again; null is an error") {
  everywhere([] {
    int alive = 0;
    generator<int> g([mine = counted(alive)](auto& yield) { yield(1); });
    CHECK_THROWS_AS(g.raise(nullptr), std::system_error);
    CHECK(alive == 1);
    CHECK_THROWS_AS(g.raise(std::make_exception_ptr(3)), int);
    CHECK(alive == 0);
    CHECK(g.ended());
    CHECK_FALSE(g.next());
    generator<int> none;
    CHECK_THROWS_AS(none.raise(std::make_exception_ptr(3)), int);
    CHECK_THROWS_AS(none.raise(nullptr), std::system_error);
  });
}

TEST_CASE("close() unwinds the body from where it stands, and its destructors have run when it returns") {
  everywhere([] {
    int alive = 0;
    bool exited = false;
    generator<int> g([&, captured = counted(alive)](auto& yield) {
      const counted outer(alive);
      try {
        const counted inner(alive);
        for (int i = 0;; ++i) yield(i);
      } catch (const std::exception&) {
        FAIL("generator_exit is no std::exception");
      } catch (const generator_exit&) {
        exited = true;
        throw;
      }
    });
    CHECK(g.next() == 0);
    CHECK(alive == 3);
    g.close();
    CHECK(alive == 0);
    CHECK(exited);
    CHECK(g.ended());
    CHECK_FALSE(g.next());
    g.close();
  });
}

TEST_CASE("a half-run generator is unwound when it is destroyed, replaced, or its scope is left by an exception") {
  everywhere([] {
    int alive = 0;
    const auto body = [&alive](auto& yield) {
      const counted mine(alive);
      for (int i = 0;; ++i) yield(i);
    };
    {
      generator<int> g(body);
      CHECK(g.next() == 0);
      CHECK(alive == 1);
    }
    CHECK(alive == 0);
    generator<int> g(body);
    CHECK(g.next() == 0);
    g = generator<int>(up_to(3));
    CHECK(alive == 0);
    CHECK(g.next() == 0);
    try {
      generator<int> inner(body);
      CHECK(inner.next() == 0);
      throw std::runtime_error("left");
    } catch (const std::runtime_error&) {
      CHECK(alive == 0);
    }
  });
}

TEST_CASE("a body that answers generator_exit by returning, or by another exception") {
  everywhere([] {
    generator<int> returns([](auto& yield) {
      try {
        yield(1);
      } catch (const generator_exit&) {
      }
    });
    CHECK(returns.next() == 1);
    CHECK_NOTHROW(returns.close());
    generator<int> throws([](auto& yield) {
      try {
        yield(1);
      } catch (const generator_exit&) {
        throw std::runtime_error("would rather not");
      }
    });
    CHECK(throws.next() == 1);
    CHECK_THROWS_AS(throws.close(), std::runtime_error);
    CHECK(throws.ended());
  });
}

TEST_CASE("a body that swallows generator_exit gets it again from every yield, and hands nothing out") {
  everywhere([] {
    int swallowed = 0;
    generator<int> g([&](auto& yield) {
      while (swallowed < 500) {
        try {
          yield(swallowed);
        } catch (...) {
          ++swallowed;
        }
      }
    });
    CHECK(g.next() == 0);
    g.close();
    CHECK(swallowed == 500);
    CHECK(g.ended());
  });
}

TEST_CASE("a generator_exit that somebody raises is an exception like others") {
  generator<int> g([](auto& yield) { yield(1); });
  CHECK(g.next() == 1);
  CHECK_THROWS_AS(g.raise(std::make_exception_ptr(generator_exit{})), generator_exit);
}

TEST_CASE("delegate hands on what the other yields, what is sent to it, and what it returns") {
  everywhere([] {
    generator<int, int, std::string> g([](auto& yield) {
      generator<int, int, int> inner([](auto& to) {
        int sum = 0;
        for (int i = 10; i < 13; ++i) sum += to(i).value_or(0);
        return sum;
      });
      yield(1);
      const int sum = yield.delegate(inner);
      CHECK(inner.ended());
      yield(2);
      return std::to_string(sum);
    });
    CHECK(g.next() == 1);
    CHECK(g.next() == 10);
    CHECK(g.send(100) == 11);
    CHECK(g.next() == 12);
    CHECK(g.send(20) == 2);
    CHECK_FALSE(g.next());
    CHECK(g.result() == "120");
  });
}

TEST_CASE("delegate goes on with one that has begun, and does nothing with one that has ended") {
  everywhere([] {
    generator<int> inner(up_to(4));
    CHECK(inner.next() == 0);
    generator<int> g([&](auto& yield) {
      yield.delegate(inner);
      yield(100);
      yield.delegate(inner);
      yield.delegate(generator<int>());
      yield.delegate(std::vector<int>{7, 8});
    });
    CHECK(rest_of(g) == std::vector<int>{1, 2, 3, 100, 7, 8});
  });
}

TEST_CASE("delegate hands on what is raised; what leaves the other one comes out of delegate") {
  everywhere([] {
    std::string heard;
    generator<int> g([&](auto& yield) {
      generator<int> inner([&](auto& to) {
        try {
          to(1);
        } catch (const std::domain_error& e) {
          heard += e.what();
        }
        to(2);
        throw std::logic_error("inner");
      });
      try {
        yield.delegate(inner);
      } catch (const std::logic_error& e) {
        heard += e.what();
      }
      yield(3);
    });
    CHECK(g.next() == 1);
    CHECK(g.raise(std::make_exception_ptr(std::domain_error("raised "))) == 2);
    CHECK(g.next() == 3);
    CHECK(heard == "raised inner");
  });
}

TEST_CASE("closing one that delegates unwinds the other one first, though it lives on") {
  everywhere([] {
    std::vector<std::string> order;
    const auto notes = [&order](const char* what) {
      return std::unique_ptr<const char, std::function<void(const char*)>>(
          what, [&order](const char* w) { order.emplace_back(w); });
    };
    generator<int> inner([&](auto& yield) {
      const auto mine = notes("inner");
      yield(1);
    });
    generator<int> g([&](auto& yield) {
      const auto mine = notes("outer");
      yield.delegate(inner);
    });
    CHECK(g.next() == 1);
    g.close();
    CHECK(order == std::vector<std::string>{"inner", "outer"});
    CHECK(inner.ended());
  });
}

TEST_CASE("delegates nest to any depth") {
  everywhere([] {
    constexpr int depth = 50;
    std::function<generator<int>(int)> level = [&](int left) {
      return generator<int>([&level, left](auto& yield) {
        yield(left);
        if (left > 0) yield.delegate(level(left - 1));
        yield(-left);
      });
    };
    auto g = level(depth);
    const auto all = rest_of(g);
    CHECK(all.size() == 2 * (depth + 1));
    CHECK(all.front() == depth);
    CHECK(all.back() == -depth);
    CHECK(std::ranges::count(all, 0) == 2);
  });
}
