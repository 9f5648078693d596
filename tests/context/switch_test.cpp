// SPDX-License-Identifier: BSL-1.0
// The life of a context.
#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "context/child_process.hpp"
#include "context/flow.hpp"
#include "support/scale.hpp"

using namespace weft::detail;
using weft::test::flow;
using weft::test::in_child;
using weft::test::scaled;

namespace {

// Leaves on the way down and on the way up, at each of `depth` frames.
std::size_t descend(flow& self, std::size_t depth) {
  const volatile std::size_t mine = depth;
  self.leave();
  const std::size_t below = depth > 1 ? descend(self, depth - 1) : 0;
  self.leave();
  return below + mine;
}

// A body that ends by returning from the entry function, which nobody may do.
void returns(void*) noexcept {}

[[noreturn, gnu::noinline]] void throw_error() { throw std::runtime_error("nobody catches this"); }

void throws(void*) noexcept { throw_error(); }

int run_entry(context::entry first) {
  const std::size_t size = std::size_t{256} << 10;
  const auto memory = std::make_unique<std::byte[]>(size + 16);
  context here, there;
  std::byte* const low = memory.get() + 16 - reinterpret_cast<std::uintptr_t>(memory.get()) % 16;
  there.prepare(low, low + size, first, nullptr);
  switch_context(here, there);
  return 0;
}

}  // namespace

TEST_CASE("two flows take turns, however often") {
  const std::size_t rounds = scaled(1'000'000);
  std::size_t turns = 0, out_of_turn = 0;
  const auto body = [&](std::size_t parity) {
    return [&, parity](flow& self) {
      for (std::size_t i = 0; i < rounds; ++i) {
        if (turns % 2 != parity) ++out_of_turn;
        ++turns;
        self.leave();
      }
    };
  };
  flow even(body(0)), odd(body(1));
  for (std::size_t i = 0; i < rounds; ++i) {
    even.resume();
    odd.resume();
  }
  even.run();
  odd.run();
  CHECK(turns == 2 * rounds);
  CHECK(out_of_turn == 0);
}

TEST_CASE("flows resume flows, each deep in calls of its own") {
  constexpr std::size_t depth = 200;
  std::size_t sums[3] = {};
  flow inner([&](flow& self) { sums[0] = descend(self, depth); });
  flow middle([&](flow& self) {
    while (!inner.finished()) {
      inner.resume();
      self.leave();
    }
    sums[1] = descend(self, depth);
  });
  flow outer([&](flow& self) {
    while (!middle.finished()) {
      middle.resume();
      self.leave();
    }
    sums[2] = descend(self, depth);
  });
  outer.run();
  for (const std::size_t sum : sums) CHECK(sum == depth * (depth + 1) / 2);
}

TEST_CASE("a hundred flows in a ring keep their order and their locals") {
  constexpr std::size_t count = 100;
  const std::size_t rounds = scaled(1'000);
  std::vector<std::unique_ptr<flow>> ring;
  std::size_t wrong = 0, expected = 0;
  for (std::size_t i = 0; i < count; ++i) {
    ring.push_back(std::make_unique<flow>([&, i](flow& self) {
      const std::string mine = "flow number " + std::to_string(i);
      for (std::size_t round = 0; round < rounds; ++round) {
        if (expected != i || mine != "flow number " + std::to_string(i)) ++wrong;
        self.leave();
      }
    }));
  }
  for (std::size_t round = 0; round < rounds; ++round) {
    for (expected = 0; expected < count; ++expected) ring[expected]->resume();
  }
  for (const auto& f : ring) f->run();
  CHECK(wrong == 0);
}

TEST_CASE("a context that is prepared and never started leaves its stack untouched") {
  flow never([](flow&) { FAIL("started"); });
  std::size_t touched = 0;
  for (const std::byte* p = never.low(); p < never.top() - 4096; ++p) touched += *p != std::byte{0};
  CHECK(touched == 0);
}

TEST_CASE("a stack serves one flow after the other") {
  std::vector<int> order;
  flow f([&](flow& self) {
    order.push_back(1);
    self.leave();
    self.go_on_as([&](flow& again) {
      again.leave();
      order.push_back(2);
      again.go_on_as([&](flow&) { order.push_back(3); });
    });
  });
  f.run();
  CHECK(order == std::vector{1, 2, 3});
}

TEST_CASE("a flow can be continued by another thread than it left") {
  const std::size_t rounds = scaled(200);
  std::vector<pid_t> ran_on;
  flow f([&](flow& self) {
    for (std::size_t i = 0; i < rounds; ++i) {
      ran_on.push_back(gettid());  // pthread_self would be asked for once: compilers take it for constant
      self.leave();
    }
  });
  for (std::size_t i = 0; i < rounds; ++i) {
    if (i % 2 == 0) {
      f.resume();
    } else {
      std::thread([&] { f.resume(); }).join();
    }
  }
  f.run();
  REQUIRE(ran_on.size() == rounds);
  CHECK(ran_on[0] == gettid());
  CHECK(ran_on[1] != gettid());
}

TEST_CASE("an entry function that returns ends the program with a message") {
  const auto end = in_child([] { return run_entry(&returns); });
  CHECK(end.signal == SIGABRT);
  CHECK(end.said.find("weft: the first function of a stack returned") != std::string::npos);
}

TEST_CASE("an exception that leaves the entry function terminates the program, it does not run off the stack") {
  const auto end = in_child([] { return run_entry(&throws); });
  CHECK(end.signal == SIGABRT);
  CHECK(end.said.find("nobody catches this") != std::string::npos);
}
