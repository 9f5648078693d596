// SPDX-License-Identifier: BSL-1.0
// What belongs to the flows on both sides of a generator: exceptions, stacks, the thread. Fibers that park or move in a
// body; generators that go from one fiber or thread to another.
#include <doctest/doctest.h>
#include <pthread.h>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "fiber/generators.hpp"
#include "fiber/this_thread.hpp"
#include "support/alone.hpp"
#include "support/scale.hpp"

using namespace std::chrono_literals;
using weft::generator;
using weft::spawn;
using namespace weft::test;

TEST_CASE("`throw;` behind a yield rethrows the body's own exception, and the puller's stays the puller's") {
  everywhere([] {
    const auto body = [](const char* what) {
      return [what](auto& yield) {
        try {
          throw_below<std::runtime_error>(3, what);
        } catch (const std::runtime_error&) {
          yield(std::string("caught"));
          try {
            throw;
          } catch (const std::runtime_error& e) {
            yield(std::string(e.what()));
          }
        }
      };
    };
    generator<std::string> one(body("one")), other(body("other"));
    try {
      throw_below<std::runtime_error>(3, "puller");
    } catch (const std::runtime_error&) {
      CHECK(one.next() == "caught");
      CHECK(other.next() == "caught");
      CHECK(one.next() == "one");
      CHECK(other.next() == "other");
      try {
        throw;
      } catch (const std::runtime_error& e) {
        CHECK(std::string(e.what()) == "puller");
      }
    }
    CHECK(std::current_exception() == nullptr);
    CHECK_FALSE(one.next());
    CHECK_FALSE(other.next());
  });
}

TEST_CASE("a destructor that pulls while an exception passes it does not disturb it, nor does one that yields") {
  everywhere([] {
    generator<int> counter([](auto& yield) {
      struct yields {
        decltype(yield) to;
        ~yields() { to(std::uncaught_exceptions()); }
      };
      yield(std::uncaught_exceptions());
      try {
        const yields passed{yield};
        throw_below<std::runtime_error>(2, "inside");
      } catch (const std::runtime_error&) {
        yield(10 + std::uncaught_exceptions());
      }
    });
    std::vector<int> seen;
    struct pulls {
      generator<int>& from;
      std::vector<int>& into;
      ~pulls() {
        into.push_back(from.next().value_or(-1));
        into.push_back(std::uncaught_exceptions());
      }
    };
    try {
      const pulls second{counter, seen}, first{counter, seen};
      throw_below<std::logic_error>(2, "outside");
    } catch (const std::logic_error& e) {
      CHECK(std::string(e.what()) == "outside");
    }
    // The body counts its own; the puller finds its own again.
    CHECK(seen == std::vector<int>{0, 1, 1, 1});
    CHECK(counter.next() == 10);
    CHECK(std::uncaught_exceptions() == 0);
  });
}

TEST_CASE("the last park of a fiber was in a body: both stacks are clean for those who come next") {
  weft::run([] {
    for (std::size_t round = 0; round < weft::test::scaled(200, 20); ++round) {
      std::vector<weft::fiber<int>> all;
      for (int i = 0; i < 20; ++i) {
        all.push_back(spawn([i] {
          generator<int> g([i](auto& yield) {
            const int before = use_stack(i);
            weft::this_fiber::yield();
            yield(use_stack(i) - before);
          });
          return *g.next() + use_stack(20) * 0;
        }));
      }
      for (auto& f : all) CHECK(f.join() == 0);
    }
  });
}

TEST_CASE("fibers park in bodies that pull bodies that park, all at once") {
  weft::run([] {
    const std::size_t count = weft::test::scaled(300, 20);
    const auto stage = [](auto& from) {
      return [&from](auto& yield) {
        for (const int value : from) {
          weft::this_fiber::yield();
          yield(value + use_stack(3) * 0);
        }
      };
    };
    std::vector<weft::fiber<long>> all;
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back(spawn([&stage] {
        generator<int> source([](auto& yield) {
          for (int n = 0; n < 20; ++n) {
            weft::this_fiber::sleep_for(10us);
            yield(n);
          }
        });
        generator<int> middle(stage(source)), last(stage(middle));
        long sum = 0;
        for (const int value : last) sum += value;
        return sum;
      }));
    }
    for (auto& f : all) CHECK(f.join() == 190);
  });
}

TEST_CASE("alone: movable fibers park in bodies" * doctest::skip()) {
  const std::size_t rounds = weft::test::scaled(200, 20);
  weft::run([rounds] {
    std::size_t moved = 0;
    generator<std::size_t> g([&](auto& yield) {
      for (std::size_t i = 0;; ++i) {
        try {
          throw i;
        } catch (std::size_t) {
          const pthread_t before = this_thread_now();
          weft::this_fiber::sleep_for(-1ns);
          if (!pthread_equal(before, this_thread_now())) ++moved;
          std::size_t mine = 0;
          try {
            throw;
          } catch (std::size_t again) {
            mine = again;
          }
          yield(mine);
        }
      }
    });
    const auto pull = [&] {
      try {
        throw std::string("puller");
      } catch (const std::string&) {
        for (std::size_t i = 0; i < rounds; ++i) CHECK(g.next().has_value());
        try {
          throw;
        } catch (const std::string& mine) {
          CHECK(mine == "puller");
        }
      }
      CHECK(std::current_exception() == nullptr);
    };
    spawn({.movable = true}, pull).join();
    CHECK(moved == rounds);
    spawn({.movable = false}, pull).join();
    CHECK(moved == rounds);
    CHECK(g.next() == 2 * rounds);
  });
}

TEST_CASE("a movable fiber goes on elsewhere while it stands in a body, with the exceptions of both") {
  const auto end = run_alone("alone: movable fibers park in bodies", {"WEFT_DEBUG=migrate=always", "WEFT_WORKERS=2"});
  CHECK(end.status == 0);
  INFO(end.said);
  CHECK(end.said.empty());
}

TEST_CASE("a generator is handed from fiber to fiber, to a plain thread and back, and destroyed by another one") {
  int alive = 0;
  const auto body = [&alive](auto& yield) {
    struct lives {
      int& count;
      ~lives() { --count; }
    } const mine{++alive};
    for (int i = 0;; ++i) {
      use_stack(4);
      try {
        yield(i);
      } catch (const std::runtime_error&) {
        i += 100;
      }
    }
  };
  generator<int> g(body);
  CHECK(g.next() == 0);
  weft::run([&] {
    auto first = spawn({.worker = 0}, [&] { return g.next(); });
    CHECK(first.join() == 1);
    auto second = spawn({.worker = int(weft::this_runtime().stats().workers) - 1}, [&] { return g.next(); });
    CHECK(second.join() == 2);
    std::optional<int> third;
    std::thread([&] { third = g.raise(std::make_exception_ptr(std::runtime_error("jump"))); }).join();
    CHECK(third == 103);
    CHECK(g.next() == 104);
  });
  CHECK(g.next() == 105);  // the runtime that it ran on is gone
  CHECK(alive == 1);
  std::thread([last = std::move(g)]() mutable { CHECK(last.next() == 106); }).join();
  CHECK(alive == 0);
}

TEST_CASE("a generator begun on a fiber outlives its runtime, and its stack comes back") {
  std::vector<generator<int>> kept;
  const auto body = [](auto& yield) {
    for (int i = 0;; ++i) yield(i);
  };
  const auto before = weft::stats().stacks_in_use;
  weft::run([&] {
    for (int i = 0; i < 50; ++i) {
      kept.emplace_back(body);
      CHECK(kept.back().next() == 0);
    }
  });
  CHECK(weft::stats().stacks_in_use == before + 50);
  for (auto& g : kept) CHECK(g.next() == 1);
  kept.clear();
  CHECK(weft::stats().stacks_in_use == before);
}

TEST_CASE("a stackless task pulls a generator") {
  const int sum = weft::stackless::run([]() -> weft::stackless::task<int> {
    generator<int> g([](auto& yield) {
      for (int i = 0; i < 5; ++i) yield(i);
    });
    int found = 0;
    for (const int value : g) {
      co_await weft::stackless::sleep(1us);
      found += value;
    }
    co_return found;
  }());
  CHECK(sum == 10);
}
