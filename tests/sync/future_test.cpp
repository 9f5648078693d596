// SPDX-License-Identifier: BSL-1.0
// Futures among fibers, threads and tasks, and under races.
#include <weft/sync/promise.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/litmus.hpp"
#include "support/scale.hpp"
#include "support/simulated.hpp"
#include "sync/company.hpp"
#include "sync/matrix.hpp"

using namespace std::chrono_literals;
using weft::deadline;
using weft::future;
using weft::promise;
using weft::shared_future;
using weft::when_all;
using weft::when_any;
using weft::stackless::task;
using weft::test::company;
using weft::test::kind;
using weft::test::scaled;
using weft::test::simulate;
using weft::test::stagger;
using weft::test::workers;

namespace {

weft::detail::future_core& core_of(const auto& handle) { return weft::detail::future_access::end_of(handle); }

struct future_operation : weft::test::waiting_operation {
  promise<int> p;
  future<int> f = p.get_future();
  weft::detail::future_core& core = core_of(f);
  weft::detail::parking_lot& lot() override { return weft::detail::lot_access::of(core); }
  void make_ready() override { p.set_value(1); }
};

// What may be cancelled stands in no CHECK, which catches everything.
struct future_get : future_operation {
  void perform() override { got = f.get(); }
  task<> perform_async() override { got = co_await f.async_get(); }
  void finish() override { CHECK((got == 1 && !f.valid())); }
  properties is() const override { return {.timed = false}; }
  int got = 0;
};

struct future_wait : future_operation {
  void perform() override { f.wait(); }
  bool perform_until(deadline d) override { return f.wait_until(d); }
  task<> perform_async() override { co_await f.async_wait(); }
  task<bool> perform_async_until(deadline d) override { co_return co_await f.async_wait_until(d); }
  void finish() override { CHECK(f.done()); }
};

struct shared_get : future_operation {
  shared_future<int> s = f.share();
  void perform() override { got = &s.get(); }
  task<> perform_async() override { got = &co_await s; }
  void finish() override { CHECK(*got == 1); }
  properties is() const override { return {.timed = false}; }
  const int* got = nullptr;
};

struct broken_get : future_operation {
  void make_ready() override { p = promise<int>(); }
  void perform() override {
    try {
      (void)f.get();
    } catch (const std::future_error&) {
      broken = true;
    }
  }
  task<> perform_async() override {
    try {
      (void)co_await f;
    } catch (const std::future_error&) {
      broken = true;
    }
  }
  void finish() override { CHECK(broken); }
  properties is() const override { return {.timed = false}; }
  bool broken = false;
  weft::detail::counted_pointer<weft::detail::future_core> kept{(core.share(), &core)};
};

struct first_of_two : future_operation {
  promise<void> other;
  future<void> never_set = other.get_future();
  void perform() override { which = when_any(never_set, f).wait(); }
  bool perform_until(deadline d) override { return note(when_any(never_set, f).wait_until(d)); }
  task<> perform_async() override { which = co_await when_any(never_set, f).async_wait(); }
  task<bool> perform_async_until(deadline d) override {
    co_return note(co_await when_any(never_set, f).async_wait_until(d));
  }
  bool note(std::optional<std::size_t> found) {
    which = found.value_or(0);
    return found.has_value();
  }
  void finish() override {
    CHECK(which == 1);
    CHECK(weft::test::waiters_of(core_of(never_set)) == 0);
  }
  std::size_t which = 0;
};

struct both_of_two : future_operation {
  promise<void> other;
  future<void> set = other.get_future();
  both_of_two() { other.set_value(); }
  void perform() override { when_all(set, f, set).wait(); }
  bool perform_until(deadline d) override { return when_all(set, f, set).wait_until(d); }
  task<> perform_async() override { co_await when_all(set, f, set).async_wait(); }
  task<bool> perform_async_until(deadline d) override { co_return co_await when_all(set, f, set).async_wait_until(d); }
};

#define OPERATIONS future_get, future_wait, shared_get, broken_get, first_of_two, both_of_two

}  // namespace

TEST_CASE_TEMPLATE("each wait for futures keeps its word in every situation", Operation, OPERATIONS) {
  weft::run(
      [] {
        for (const kind k : weft::test::kinds) {
          CAPTURE(name_of(k));
          weft::test::try_all_situations(weft::test::make_operation<Operation>, k);
        }
      },
      {.workers = workers()});
}

TEST_CASE_TEMPLATE("each wait for futures keeps its word in every situation and any order", Operation, OPERATIONS) {
  simulate(
      [] {
        for (const kind k : {kind::fiber, kind::movable, kind::task}) {
          CAPTURE(name_of(k));
          weft::test::try_all_situations(weft::test::make_operation<Operation>, k);
        }
      },
      8);
}

TEST_CASE("fibers, threads and tasks wait for one shared future, whoever keeps the promise") {
  for (const auto setter : weft::test::kinds) {
    CAPTURE(name_of(setter));
    weft::run(
        [setter] {
          promise<std::string> p;
          const shared_future<std::string> f = p.get_future();
          std::atomic<int> passed{0};
          company waiters, other;
          for (const auto k : weft::test::kinds)
            waiters.start(
                k, [&, f] { passed += f.get() == "value"; },
                [&, f]() -> task<> { passed += (co_await f.async_get()) == "value"; });
          while (weft::test::waiters_of(core_of(f)) != std::size(weft::test::kinds)) weft::this_fiber::yield();
          CHECK(passed == 0);
          other.start(
              setter, [&] { p.set_value("value"); },
              [&]() -> task<> {
                p.set_value("value");
                co_return;
              });
          waiters.join();
          CHECK(passed == std::size(weft::test::kinds));
        },
        {.workers = workers()});
  }
}

TEST_CASE("litmus: of two who set one promise exactly one does, and its value is what comes out") {
  std::optional<promise<int>> p;
  std::optional<future<int>> f;
  int set[2];
  const auto setter = [&](int who) {
    return [&, who](stagger& wait) {
      wait();
      try {
        p->set_value(who + 1);
        set[who] = 1;
      } catch (const std::future_error&) {
        set[who] = 0;
      }
    };
  };
  const auto wrong = weft::test::litmus(
      scaled(20000),
      [&] {
        p.emplace();
        f.emplace(p->get_future());
      },
      [&] { return set[0] + set[1] == 1 && f->get() == (set[0] ? 1 : 2); }, setter(0), setter(1));
  CHECK(wrong == 0);
}

TEST_CASE("litmus: who gets the value may end the promise while its setter is about to return") {
  promise<std::unique_ptr<int>>* p = nullptr;
  std::optional<future<std::unique_ptr<int>>> f;
  bool right = false;
  for (const bool sleeps : {false, true}) {  // which is slow
    const auto wrong = weft::test::litmus(
        scaled(sleeps ? 500 : 20000),
        [&] {
          p = new promise<std::unique_ptr<int>>;
          f.emplace(p->get_future());
        },
        [&] { return right; },
        [&](stagger& wait) {
          wait();
          p->set_value(std::make_unique<int>(9));
        },
        [&](stagger& wait) {
          wait();
          if (!sleeps) weft::test::spin_until([&] { return f->done(); });
          right = *f->get() == 9;
          delete p;
        });
    CHECK(wrong == 0);
  }
}

TEST_CASE("litmus: what is to be called when it is ready is called once, whether set before or behind") {
  std::optional<promise<int>> p;
  std::optional<future<int>> f;
  std::atomic<int> calls{0};
  int seen = 0;
  const auto wrong = weft::test::litmus(
      scaled(20000),
      [&] {
        calls = 0;
        p.emplace();
        f.emplace(p->get_future());
      },
      [&] { return calls == 2 && seen == 3 && !f->valid(); },
      [&](stagger& wait) {
        wait();
        p->set_value(3);
      },
      [&](stagger& wait) {
        wait();
        f->on_ready([&] { ++calls; });
        f->on_ready([&] {
          ++calls;
          seen = f->get();
        });
      });
  CHECK(wrong == 0);
}

TEST_CASE("litmus: a promise and its future end at the same time") {
  std::optional<promise<std::shared_ptr<int>>> p;
  std::optional<future<std::shared_ptr<int>>> f;
  const auto value = std::make_shared<int>(1);
  const auto wrong = weft::test::litmus(
      scaled(20000),
      [&] {
        p.emplace();
        f.emplace(p->get_future());
      },
      [&] { return value.use_count() == 1; },
      [&](stagger& wait) {
        wait();
        p->set_value(value);
        p.reset();
      },
      [&](stagger& wait) {
        wait();
        f.reset();
      });
  CHECK(wrong == 0);
}

TEST_CASE("stress: every value that is set is got or left in its future, and no waiter is left") {
  const std::size_t count = scaled(5000);
  std::atomic<std::size_t> got{0}, left{0}, set{0};
  weft::run(
      [&] {
        weft::with_scope([&](weft::scope& s) {
          for (std::size_t i = 0; i < count; ++i) {
            auto p = std::make_shared<promise<std::size_t>>();
            auto f = std::make_shared<future<std::size_t>>(p->get_future());
            s.spawn([&, p, i] {
              if (i % 4 == 0) weft::this_fiber::yield();
              p->set_value(i);
              ++set;
            });
            s.spawn([&, f, i] {
              auto getter = weft::spawn([&, f] {
                const std::size_t value = f->get();
                CHECK(value == i);
                ++got;
              });
              if (i % 3 == 0) weft::this_fiber::yield();
              if (i % 2) getter.cancel();
              try {
                getter.join();
              } catch (const std::system_error&) {
                CHECK(weft::test::waiters_of(core_of(*f)) == 0);
                CHECK(f->get() == i);
                ++left;
              }
            });
            if (i % 50 == 0) weft::this_fiber::yield();
          }
        });
      },
      {.workers = workers()});
  CHECK(set == count);
  CHECK(got + left == count);
}

#undef OPERATIONS
