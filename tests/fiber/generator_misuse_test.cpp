// SPDX-License-Identifier: BSL-1.0
// Generators used in ways that they refuse, by name; and how they die where nothing else is left.
#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <weft/weft.hpp>

#include "fiber/overflowing.hpp"
#include "support/alone.hpp"
#include "support/scale.hpp"

using weft::generator;
using weft::test::forget_handlers;
using weft::test::recurse;
using weft::test::run_alone;

namespace {

template <class F> std::string refusal(F&& what) {
  try {
    what();
  } catch (const std::system_error& e) {
    return e.code() == std::errc::resource_deadlock_would_occur ? e.what() : "";
  }
  return "";
}

}  // namespace

TEST_CASE("a generator that its own body pulls, raises into or closes says so, and the body may go on") {
  std::optional<generator<int, int>> g;
  int refused = 0;
  g.emplace([&](auto& yield) {
    refused += refusal([&] { (void)g->next(); }).find("from inside itself") != std::string::npos;
    refused += !refusal([&] { (void)g->send(1); }).empty();
    refused += !refusal([&] { (void)g->raise(std::make_exception_ptr(1)); }).empty();
    refused += !refusal([&] { g->close(); }).empty();
    refused += !refusal([&] { (void)g->begin(); }).empty();
    refused += !refusal([&] { yield.delegate(*g); }).empty();
    yield(1);
  });
  CHECK(g->next() == 1);
  CHECK(refused == 6);
  CHECK_FALSE(g->next());
}

TEST_CASE("a generator whose fiber is parked in its body refuses another fiber") {
  weft::run([] {
    generator<int> g([](auto& yield) {
      for (int i = 0; i < 2; ++i) {
        weft::this_fiber::sleep_for(std::chrono::milliseconds(1));
        yield(i);
      }
    });
    auto first = weft::spawn({.worker = 0}, [&] { return g.next(); });
    auto second = weft::spawn({.worker = 0}, [&] {
      std::string said;
      while (said.empty() && !first.done()) {
        said = refusal([&] { g.close(); });
        weft::this_fiber::yield();
      }
      return said;
    });
    CHECK(second.join().find("is parked") != std::string::npos);
    CHECK(first.join() == 0);
    CHECK(g.next() == 1);
  });
}

TEST_CASE("a yield outside of its body is refused: from the puller, from another body, after the end") {
  weft::yielder<int>* leaked = nullptr;
  generator<int> g([&](auto& yield) {
    leaked = &yield;
    generator<int> inner([&](auto&) { yield(2); });  // the outer one's
    CHECK_THROWS_WITH_AS((void)inner.next(), doctest::Contains("outside of its own body"), std::system_error);
    yield(1);
  });
  CHECK(g.next() == 1);
  CHECK_THROWS_WITH_AS((*leaked)(3), doctest::Contains("outside of its own body"), std::system_error);
  CHECK_FALSE(g.next());
  CHECK_THROWS_WITH_AS((*leaked)(3), doctest::Contains("outside of its own body"), std::system_error);
}

TEST_CASE("alone: a generator is destroyed from inside" * doctest::skip()) {
  std::unique_ptr<generator<int>> g;
  g.reset(new generator<int>([&](auto& yield) {  // not make_unique: the generator is to know this line
    g.reset();
    yield(1);
  }));
  (void)g->next();
}
TEST_CASE("alone: a body swallows for ever" * doctest::skip()) {
  generator<int> g([](auto& yield) {
    for (;;) {
      try {
        yield(1);
      } catch (...) {
      }
    }
  });
  (void)g.next();
}
TEST_CASE("alone: a body throws while it is destroyed" * doctest::skip()) {
  generator<int> g([](auto& yield) {
    try {
      yield(1);
    } catch (const weft::generator_exit&) {
      throw std::runtime_error("too late");
    }
  });
  (void)g.next();
}
TEST_CASE("alone: a body overflows its stack on a fiber" * doctest::skip()) {
  forget_handlers();
  weft::run([] {
    weft::spawn({.name = "puller"}, [] {
      generator<int> outer([](auto& yield) {
        generator<int> g([](auto& to) { to(recurse(0)); });
        yield(*g.next());
      });
      (void)outer.next();
    }).join();
  });
}
TEST_CASE("alone: a fiber overflows its stack after a pull" * doctest::skip()) {
  forget_handlers();
  weft::run([] {
    weft::spawn({.name = "deep one"}, [] {
      generator<int> g([](auto& yield) { yield(1); });
      (void)g.next();
      (void)recurse(0);
    }).join();
  });
}

TEST_CASE("what cannot be refused by an exception ends the process with the generator's name") {
  const auto destroyed = run_alone("alone: a generator is destroyed from inside");
  CHECK(destroyed.signal == SIGABRT);
  CHECK(destroyed.said_this("generator_misuse_test.cpp:"));
  CHECK(destroyed.said_this("is destroyed while its body runs"));
  const auto stubborn = run_alone("alone: a body swallows for ever");
  CHECK(stubborn.signal == SIGABRT);
  CHECK(stubborn.said_this("has swallowed its generator_exit 1000 times"));
  const auto late = run_alone("alone: a body throws while it is destroyed");
  CHECK(late.signal == SIGABRT);
  CHECK(late.said_this("generator_misuse_test.cpp:"));
  CHECK(late.said_this("while it was destroyed"));
  CHECK(late.said_this("too late"));
}

TEST_CASE("a stack overflow in a body names the generator and the fiber that pulls; one beside it names the fiber") {
  const auto inside = run_alone("alone: a body overflows its stack on a fiber");
  CHECK(inside.signal == SIGSEGV);
  CHECK(inside.said_this("stack overflow in a generator"));
  CHECK(inside.said_this("generator_misuse_test.cpp:"));
  CHECK(inside.said_this("\"puller\""));
  const auto outside = run_alone("alone: a fiber overflows its stack after a pull");
  CHECK(outside.signal == SIGSEGV);
  CHECK(outside.said_this("stack overflow in fiber "));
  CHECK(outside.said_this("\"deep one\""));
}
