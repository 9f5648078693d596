// SPDX-License-Identifier: BSL-1.0
// Asynchronous generators and async_with, against what Python documents of `async for` and `async with`.
#include <weft/stackless/async_generator.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/stackless/async_with.hpp>
#include <weft/sync/event.hpp>

#include "support/refusal.hpp"
#include "support/scale.hpp"

namespace {

using weft::stackless::async_generator;
using weft::stackless::async_with;
using weft::stackless::create_task;
using weft::stackless::generator_exit;
using weft::stackless::task;
using weft::stackless::yield;
using weft::test::refuses;

template <class Body> void run_task(Body body) { weft::stackless::run(body(), {.workers = weft::test::workers()}); }

async_generator<int> counts_slowly_to(int last) {
  for (int i = 1; i <= last; ++i) {
    co_await yield();
    co_yield i;
  }
}

async_generator<std::string, int> answering() {
  std::string said = "begun";
  for (;;) {
    const std::optional<int> sent = co_yield said;
    co_await yield();
    said = sent ? std::to_string(*sent) : "nothing";
  }
}

task<std::errc> refusal_of(auto& awaiting) {
  try {
    (void)co_await awaiting;
  } catch (const std::system_error& e) {
    co_return std::errc(e.code().value());
  }
  co_return std::errc();
}

}  // namespace

TEST_CASE("an async generator waits between its items, and ends") {
  run_task([]() -> task<> {
    std::vector<int> got;
    auto g = counts_slowly_to(3);
    while (auto i = co_await g.next()) got.push_back(*i);
    CHECK(got == std::vector{1, 2, 3});
    CHECK(g.ended());
    CHECK(co_await g.next() == std::nullopt);
    CHECK(co_await async_generator<int>().next() == std::nullopt);
  });
}

TEST_CASE("send to an async generator: what co_yield gives; not before it has begun") {
  run_task([]() -> task<> {
    auto g = answering();
    auto early = g.send(1);
    CHECK(co_await refusal_of(early) == std::errc::invalid_argument);
    CHECK(co_await g.next() == "begun");
    CHECK(co_await g.send(5) == "5");
    CHECK(co_await g.next() == "nothing");
  });
}

TEST_CASE("raise and close reach the co_yield, and the body may wait on its way out") {
  run_task([]() -> task<> {
    std::string log;
    const auto make = [](std::string& to) -> async_generator<int> {
      bool closed = false;
      for (int i = 0; !closed; ++i) {
        try {
          co_yield i;
        } catch (const std::runtime_error& e) {
          to += e.what();
        } catch (const generator_exit&) {
          closed = true;
        }
      }
      co_await yield();
      to += "closed";
    };
    auto g = make(log);
    CHECK(co_await g.next() == 0);
    CHECK(co_await g.raise(std::make_exception_ptr(std::runtime_error("a,"))) == 1);
    co_await g.close();
    CHECK(log == "a,closed");
    co_await g.close();
    auto fresh = make(log);
    co_await fresh.close();
    CHECK(fresh.ended());
    CHECK(log == "a,closed");
    auto uncaught = counts_slowly_to(2);
    CHECK(co_await uncaught.next() == 1);
    bool came_back = false;
    try {
      co_await uncaught.raise(std::make_exception_ptr(5));
    } catch (int i) {
      came_back = i == 5;
    }
    CHECK(came_back);
    CHECK(uncaught.ended());
    auto null = g.raise(nullptr);
    CHECK(co_await refusal_of(null) == std::errc::invalid_argument);
  });
}

TEST_CASE("an async generator that yields when it is closed is refused") {
  run_task([]() -> task<> {
    const auto make = []() -> async_generator<int> {
      bool closed = false;
      try {
        co_yield 1;
      } catch (const generator_exit&) {
        closed = true;
      }
      if (closed) co_yield 2;
    };
    auto g = make();
    CHECK(co_await g.next() == 1);
    auto closing = g.close();
    CHECK(co_await refusal_of(closing) == std::errc::operation_not_permitted);
    CHECK(co_await g.next() == std::nullopt);
  });
}

TEST_CASE("what leaves the body of an async generator comes out of the pull") {
  run_task([]() -> task<> {
    const auto make = []() -> async_generator<int> {
      co_yield 1;
      co_await yield();
      throw std::runtime_error("left");
    };
    auto g = make();
    CHECK(co_await g.next() == 1);
    bool thrown = false;
    try {
      co_await g.next();
    } catch (const std::runtime_error&) {
      thrown = true;
    }
    CHECK(thrown);
    CHECK(co_await g.next() == std::nullopt);
  });
}

TEST_CASE("a second task that pulls while the first one waits is refused; afterwards it may go on") {
  run_task([]() -> task<> {
    std::atomic<bool> inside = false;
    weft::event gate;
    const auto make = [](std::atomic<bool>& begun, weft::event& waits_for) -> async_generator<int> {
      begun = true;
      co_await waits_for.async_wait();
      co_yield 1;
      co_yield 2;
    };
    auto g = make(inside, gate);
    auto first = create_task([](async_generator<int>& of) -> task<> { CHECK(co_await of.next() == 1); }(g));
    while (!inside) co_await yield();
    auto pull = g.next();
    CHECK(co_await refusal_of(pull) == std::errc::resource_deadlock_would_occur);
    gate.set();
    co_await first;
    CHECK(co_await g.next() == 2);
  });
}

TEST_CASE("a cancellation strikes inside the body of an async generator") {
  run_task([]() -> task<> {
    bool unwound = false;
    auto puller = create_task([](bool& flag) -> task<> {
      const auto make = [](bool& to) -> async_generator<int> {
        const struct at_end {
          bool& to;
          ~at_end() { to = true; }
        } guard{to};
        co_await weft::stackless::sleep(weft::never);
        co_yield 1;
      };
      auto g = make(flag);
      try {
        co_await g.next();
      } catch (const weft::cancelled&) {
        CHECK(g.ended());
        throw;
      }
    }(unwound));
    co_await yield();
    puller.cancel();
    CHECK(co_await refusal_of(puller) == std::errc::operation_canceled);
  });
}

TEST_CASE("a long async generator that never waits does not grow the stack") {
  run_task([]() -> task<> {
    const auto make = [](int n) -> async_generator<int> {
      for (int i = 0; i < n; ++i) co_yield i;
    };
    const int count = int(weft::test::scaled(200'000, 20'000));
    auto g = make(count);
    int sum = 0;
    while (auto i = co_await g.next()) sum += *i == sum;
    CHECK(sum == count);
  });
}

namespace {

struct door {
  std::string& log;
  bool swallows = false;
  task<int> enter() {
    co_await yield();
    log += "enter,";
    co_return 7;
  }
  task<bool> leave(std::exception_ptr error) {
    co_await yield();
    log += error ? "leave with error," : "leave,";
    co_return swallows;
  }
};

struct gate {
  std::string& log;
  task<> enter() {
    log += "in,";
    co_return;
  }
  task<> leave(std::exception_ptr) {
    log += "out,";
    co_return;
  }
};

}  // namespace

TEST_CASE("async_with gives back what it acquired also when there is no body to run") {
  run_task([]() -> task<> {
    std::string log;
    bool thrown = false;
    try {
      co_await async_with(door{log}, [](int) -> task<> { throw std::runtime_error("no task"); });
    } catch (const std::runtime_error&) {
      thrown = true;
    }
    CHECK(thrown);
    CHECK(log == "enter,leave with error,");
    log.clear();
    thrown = false;
    try {
      (void)co_await async_with(gate{log}, []() -> task<int> { throw std::runtime_error("no task"); });
    } catch (const std::runtime_error&) {
      thrown = true;
    }
    CHECK(thrown);
    CHECK(log == "in,out,");
  });
}

TEST_CASE("async_with gives back what it acquired, whatever becomes of the body") {
  run_task([]() -> task<> {
    std::string log;
    co_await async_with(door{log}, [&](int what) -> task<> {
      CHECK(what == 7);
      log += "body,";
      co_return;
    });
    CHECK(log == "enter,body,leave,");
    log.clear();
    const auto fails = [](int) -> task<> {
      throw std::runtime_error("body");
      co_return;
    };
    bool thrown = false;
    try {
      co_await async_with(door{log}, fails);
    } catch (const std::runtime_error&) {
      thrown = true;
    }
    CHECK(thrown);
    CHECK(log == "enter,leave with error,");
    co_await async_with(door{log, true}, fails);  // `leave` has swallowed it
    log.clear();
    CHECK(co_await async_with(gate{log}, []() -> task<int> { co_return 5; }) == 5);
    CHECK(log == "in,out,");
  });
}
