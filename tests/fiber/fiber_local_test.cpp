// SPDX-License-Identifier: BSL-1.0
// Fiber-locals: a value for each fiber and each thread, that ends with it.
#include <weft/fiber/fiber_local.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
#include <weft/weft.hpp>

#include "support/refusal.hpp"
#include "support/scale.hpp"
#include "support/simulated.hpp"

using namespace std::chrono_literals;
using weft::fiber_local;
using weft::test::scaled;
using weft::test::simulate;
using weft::test::workers;

namespace {

// Says when it ends.
struct farewell {
  farewell(std::string& where, char what) : log(&where), name(what) {}
  farewell(farewell&& other) noexcept : log(std::exchange(other.log, nullptr)), name(other.name) {}
  ~farewell() {
    if (log) *log += name;
  }
  std::string* log;
  char name;
};

}  // namespace

TEST_CASE("each fiber and each thread has a value of its own") {
  fiber_local<int> number;
  fiber_local<std::string> text("begin");
  fiber_local<std::unique_ptr<int>> made([] { return std::make_unique<int>(3); });
  const auto body = [&] {
    CHECK(number.find() == nullptr);
    CHECK(*number == 0);
    CHECK(number.find() == &number.get());
    for (int i = 1; i <= 10; ++i) {
      *number += 1;
      weft::this_fiber::yield();
      CHECK(number.get() == i);
    }
    CHECK(text->size() == 5);
    *text += "!";
    CHECK(*text == "begin!");
    CHECK(**made == 3);
    **made = 4;
  };
  body();
  std::thread(body).join();
  simulate([&] {
    weft::with_scope([&](weft::scope& s) {
      for (int i = 0; i < 5; ++i) s.spawn(body);
      body();
    });
    weft::spawn([&] { CHECK(number.find() == nullptr); }).join();
  });
  weft::run(
      [&] {
        weft::with_scope([&](weft::scope& s) {
          for (int i = 0; i < 50; ++i) s.spawn(body);
        });
      },
      {.workers = workers(), .movable = true});
  CHECK(*number == 10);
}

TEST_CASE("values end with their fiber, the newest first, before anybody hears of the end") {
  std::string log;
  fiber_local<std::optional<farewell>> a, b, c;
  simulate([&] {
    log.clear();
    weft::spawn([&] {
      b->emplace(log, 'b');
      c->emplace(log, 'c');
      a->emplace(log, 'a');
      CHECK(log.empty());
    }).join();
    CHECK(log == "acb");
    auto failing = weft::spawn([&] {
      a->emplace(log, 'A');
      throw std::runtime_error("the body");
    });
    CHECK_THROWS_AS(failing.join(), std::runtime_error);
    CHECK(log == "acbA");
    auto cancelled = weft::spawn([&] {
      a->emplace(log, 'x');
      weft::this_fiber::sleep_until(weft::never);
    });
    weft::this_fiber::sleep_for(1s);
    cancelled.cancel();
    while (!cancelled.done()) weft::this_fiber::yield();
    CHECK(log == "acbAx");
  });
  log.clear();
  std::thread([&] {
    b->emplace(log, 'b');
    a->emplace(log, 'a');
  }).join();
  CHECK(log == "ab");
}

TEST_CASE("set and reset end what was there; a value may be set without a way to make one") {
  struct no_default {
    explicit no_default(farewell n) : what(std::move(n)) {}
    farewell what;
  };
  std::string log;
  fiber_local<no_default> v([&log] { return no_default(farewell(log, 'm')); });
  simulate([&] {
    log.clear();
    CHECK(v->what.name == 'm');
    v.set(no_default(farewell(log, '1')));
    CHECK(log == "m");
    CHECK(v->what.name == '1');
    v.reset();
    CHECK(log == "m1");
    v.reset();
    CHECK(v.find() == nullptr);
    CHECK(v->what.name == 'm');
    v.reset();
  });
  CHECK(log == "m1m");
}

TEST_CASE("a value may park while it ends, in a cancelled fiber, too, and use and make other values") {
  simulate([] {
    static fiber_local<int> other;
    struct parking {
      parking() = default;
      parking(parking&&) = delete;
      ~parking() {
        *other += 1;
        const auto before = std::chrono::steady_clock::now();
        weft::this_fiber::sleep_for(1s);
        *seen = std::chrono::steady_clock::now() - before == 1s ? *other : -1;
      }
      int* seen = nullptr;
    };
    fiber_local<parking> v;
    int seen = 0;
    auto f = weft::spawn([&] {
      *other = 41;  // ends after `v`
      v->seen = &seen;
      weft::this_fiber::sleep_until(weft::never);
    });
    weft::this_fiber::sleep_for(1s);
    f.cancel();
    CHECK(!f.join_until(0s));
    while (!f.done()) weft::this_fiber::sleep_for(1ms);
    CHECK(seen == 42);
    auto g = weft::spawn([&] { v->seen = &seen; });  // `other` is made by the end of `v`
    g.join();
    CHECK(seen == 1);
  });
}

TEST_CASE("making a value may throw, or ask for itself") {
  simulate([] {
    int tries = 0;
    fiber_local<int> fails([&tries]() -> int {
      if (++tries == 1) throw std::runtime_error("not yet");
      return tries;
    });
    CHECK_THROWS_AS((void)fails.get(), std::runtime_error);
    CHECK(fails.find() == nullptr);
    CHECK(*fails == 2);
    static fiber_local<int>* self = nullptr;
    int depth = 0;
    fiber_local<int> recursive([&depth]() -> int { return ++depth == 1 ? self->get() * 10 : 7; });
    self = &recursive;
    CHECK(*recursive == 7);
    CHECK(depth == 2);
  });
}

TEST_CASE("a fiber-local that ends leaves its values to their fibers; what follows it finds none of them") {
  std::string log;
  simulate([&log] {
    log.clear();
    auto first = std::make_unique<fiber_local<std::optional<farewell>>>();
    (*first)->emplace(log, 'f');
    weft::spawn([&] {
      (*first)->emplace(log, 'c');
      first.reset();
      CHECK(log.empty());
      for (int i = 0; i < 100; ++i) {
        fiber_local<std::optional<farewell>> next;  // in the same place
        CHECK(!next->has_value());
        next->emplace(log, 'n');
        CHECK(log.size() == std::size_t(i) + 1);  // the one before it ends when the place is needed
      }
    }).join();
    CHECK(log == "c" + std::string(100, 'n'));
  });
  CHECK(log.back() == 'f');
}

TEST_CASE("what a context variable's value sets when it ends with its thread ends, too") {
  static weft::context_var<std::shared_ptr<int>> inner;
  static std::weak_ptr<int> last;
  struct setter {
    setter() = default;
    setter(const setter&) = delete;
    setter& operator=(const setter&) = delete;
    ~setter() {
      const auto value = std::make_shared<int>(1);
      last = value;
      inner.set(value);
    }
  };
  weft::context_var<std::shared_ptr<setter>> outer;
  std::thread([&] { outer.set(std::make_shared<setter>()); }).join();
  CHECK(last.expired());
}

TEST_CASE("a context variable and a fiber-local that make each other at the end of a fiber") {
  simulate(
      [] {
        static weft::context_var<int> variable;
        static std::atomic<int> ended;
        struct setter {
          ~setter() {
            if (variable.get() == 1) ++ended;
            variable.set(2);
          }
        };
        static fiber_local<setter> local;
        struct maker {
          maker() = default;
          maker(maker&& other) noexcept : armed(std::exchange(other.armed, false)) {}
          ~maker() {
            if (armed) (void)local.get();
          }
          bool armed = true;
        };
        static weft::context_var<std::shared_ptr<maker>> maker_var;
        ended = 0;
        weft::spawn([] {
          variable.set(1);
          (void)local.get();
          maker_var.set(std::make_shared<maker>());
        }).join();
        CHECK(ended == 1);
        weft::spawn([] {
          CHECK(local.find() == nullptr);
          CHECK(!variable.is_set());
        }).join();
      },
      1);
}

namespace {

// Made before the thread's first value, and so ended after what is made by that.
struct makes_values_late {
  void (*make)() = nullptr;
  ~makes_values_late() {
    if (make) make();
  }
};
thread_local makes_values_late last_maker;

std::atomic<int> late_values{0};
struct late_value {
  late_value() { ++late_values; }
  ~late_value() { --late_values; }
};
weft::fiber_local<late_value> late_local;
weft::context_var<std::shared_ptr<late_value>> late_variable;

}  // namespace

TEST_CASE("values that a thread makes while its variables end, end with it, too") {
  late_values = 0;
  int while_it_lived = 0;
  std::thread([&while_it_lived] {
    last_maker.make = [] {
      (void)*late_local;
      late_variable.set(std::make_shared<late_value>());
    };
    last_maker.make();
    while_it_lived = late_values;
  }).join();
  CHECK(while_it_lived == 2);
  CHECK(late_values == 0);
}

TEST_CASE("stress: fiber-locals made and ended on all workers") {
  static std::atomic<long> live = 0;
  struct counted {
    counted() { ++live; }
    counted(const counted&) = delete;
    ~counted() { --live; }
    std::size_t value = 0;
  };
  const fiber_local<counted> a, b;
  weft::run(
      [&] {
        weft::with_scope([&](weft::scope& s) {
          for (std::size_t i = 0; i < scaled(5000); ++i) {
            s.spawn({.movable = i % 2 == 0}, [&, i] {
              a->value = i;
              weft::this_fiber::yield();
              if (i % 3 == 0) b->value = i + 1;
              const fiber_local<counted> own;
              own->value = i + 2;
              weft::this_fiber::yield();
              CHECK(a->value == i);
              CHECK(b->value == (i % 3 == 0 ? i + 1 : 0));
              CHECK(own->value == i + 2);
              a.reset();
            });
          }
        });
      },
      {.workers = workers()});
  CHECK(live == 0);
}
