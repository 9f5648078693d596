// SPDX-License-Identifier: BSL-1.0
// Several fibers and futures, waited for together.
#include <weft/sync/when.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/refusal.hpp"
#include "support/scale.hpp"
#include "support/simulated.hpp"
#include "sync/company.hpp"

using namespace std::chrono_literals;
using weft::fiber;
using weft::future;
using weft::promise;
using weft::when_all;
using weft::when_any;
using weft::stackless::task;
using weft::test::company;
using weft::test::refuses;
using weft::test::scaled;
using weft::test::simulate;
using weft::test::workers;

namespace {

weft::fiber<int> after(std::chrono::hours when, int what) {
  return weft::spawn([when, what] {
    weft::this_fiber::sleep_for(when);
    return what;
  });
}

}  // namespace

TEST_CASE("when_any returns when the first has ended, and which; the others go on") {
  simulate([] {
    const auto begin = std::chrono::steady_clock::now();
    auto a = after(3h, 1), b = after(1h, 2);
    promise<std::string> p;
    auto c = p.get_future();
    CHECK(when_any(a, b, c).wait() == 1);
    CHECK(std::chrono::steady_clock::now() - begin == 1h);
    CHECK(!a.done());
    CHECK(b.join() == 2);
    CHECK(when_any(a, c).wait_for(1h) == std::nullopt);
    CHECK(std::chrono::steady_clock::now() - begin == 2h);
    CHECK(when_any(c, a).wait_for(2h) == 1);
    p.set_value("set");
    CHECK(when_any(c, a).wait() == 0);  // the first of those that have ended
    CHECK(when_any(a, c).wait_until(-1s) == 0);
    CHECK(a.join() == 1);
    CHECK(c.get() == "set");
  });
}

TEST_CASE("when_all returns when all have ended, whatever came of them") {
  simulate([] {
    const auto begin = std::chrono::steady_clock::now();
    auto a = after(1h, 1), b = after(3h, 2);
    auto fails = weft::spawn([] { throw std::runtime_error("failed"); });
    promise<int> p;
    const weft::shared_future<int> c = p.get_future();
    CHECK(!when_all(a, b, fails).wait_for(2h));
    CHECK(std::chrono::steady_clock::now() - begin == 2h);
    CHECK(when_all(a, b, fails).wait_for(2h));
    CHECK(std::chrono::steady_clock::now() - begin == 3h);
    CHECK(!when_all(a, c).wait_for(1h));
    p.set_value(3);
    auto [x, y, z, w] = when_all(std::move(a), b, c, std::move(fails)).get();
    static_assert(std::is_same_v<decltype(x), fiber<int>> && std::is_same_v<decltype(y), fiber<int>&>);
    CHECK(x.join() == 1);
    CHECK(y.join() == 2);
    CHECK(z.get() == 3);
    CHECK_THROWS_WITH_AS(w.join(), "failed", std::runtime_error);
    CHECK(!a.joinable());
    CHECK(!b.joinable());
  });
}

TEST_CASE("vectors and ranges of them") {
  simulate([] {
    std::vector<fiber<int>> fibers;
    for (const int i : {5, 3, 4}) fibers.push_back(after(std::chrono::hours(i), i));
    CHECK(when_any(fibers).wait() == 1);
    when_all(fibers).wait();
    auto first = when_any(std::move(fibers)).get();
    CHECK(first.index == 0);
    REQUIRE(first.futures.size() == 3);
    auto all = when_all(first.futures.begin() + 1, first.futures.end()).get();
    CHECK(all.size() == 2);
    CHECK(all[0].join() == 3);
    CHECK(!first.futures[1].joinable());
    CHECK(first.futures[0].join() == 5);
    auto last = when_any(all.begin() + 1, all.end()).get();
    CHECK(last.futures[last.index].join() == 4);

    std::vector<fiber<int>> none;
    when_all(none).wait();
    CHECK(when_any(none).wait() == std::size_t(-1));
    CHECK(when_any().get().index == std::size_t(-1));
    when_all().wait();
  });
}

TEST_CASE("a wait for several that is cancelled leaves all handles as they were") {
  simulate([] {
    auto a = after(5h, 1);
    promise<int> p;
    auto f = p.get_future();
    for (const bool all : {false, true}) {
      auto waits = weft::spawn([&] {
        if (all)
          when_all(a, f).wait();
        else
          (void)when_any(a, f).wait();
      });
      weft::this_fiber::sleep_for(1h);
      waits.cancel();
      CHECK(refuses(std::errc::operation_canceled, "", [&] { return waits.join(), 0; }));
      CHECK(weft::test::waiters_of(weft::detail::future_access::end_of(f)) == 0);
    }
    auto waits = weft::spawn([&] { return when_any(a, f).wait(); });
    weft::this_fiber::sleep_for(1h);
    p.set_value(2);
    CHECK(waits.join() == 1);
    CHECK(f.get() == 2);
    CHECK(a.join() == 1);
  });
}

TEST_CASE("waiting for several is refused for empty handles, oneself, and what somebody else joins") {
  simulate([] {
    fiber<int> none;
    future<int> without;
    auto a = after(1h, 1);
    CHECK(refuses(std::errc::invalid_argument, "no fiber", [&] { return when_any(a, none).wait(); }));
    CHECK_THROWS_AS(when_all(a, without).wait(), std::future_error);
    fiber<void> self;
    promise<void> about;
    self = weft::spawn([&] {
      about.get_future().get();
      CHECK(refuses(std::errc::resource_deadlock_would_occur, "its own end", [&] { return when_any(a, self).wait(); }));
    });
    about.set_value();
    CHECK(self.join_until(weft::never));
    auto joiner = weft::spawn([&] { return a.join(); });
    weft::this_fiber::sleep_for(30min);
    promise<void> p;
    auto f = p.get_future();
    CHECK(refuses(std::errc::invalid_argument, "somebody else is joining", [&] { return when_any(f, a).wait(); }));
    CHECK(weft::test::waiters_of(weft::detail::future_access::end_of(f)) == 0);
    CHECK(joiner.join() == 1);
  });
}

TEST_CASE("threads and tasks wait for several, too") {
  weft::run(
      [] {
        promise<int> p, q;
        weft::event go_on;
        auto f = p.get_future();
        auto g = q.get_future();
        auto a = weft::spawn([&] { go_on.wait(); });
        company others;
        std::atomic<int> passed{0};
        others.start(weft::test::kind::thread,
                     [&] {
                       if (when_any(f, a).wait() == 0) ++passed;
                       when_all(a, g).wait();
                       ++passed;
                     },
                     {});
        while (weft::test::waiters_of(weft::detail::future_access::end_of(f)) == 0) weft::this_fiber::yield();
        p.set_value(1);
        while (passed != 1) weft::this_fiber::yield();
        go_on.set();
        q.set_value(2);
        while (passed != 2) weft::this_fiber::yield();  // before a thread is joined, which blocks the worker
        others.join();

        promise<int> r;
        auto h = r.get_future();
        auto b = weft::spawn([&] { return h.get(); });
        others.start(weft::test::kind::task, {}, [&]() -> task<> {
          CHECK(co_await when_any(b, f).async_wait() == 1);
          CHECK(co_await when_any(b).async_wait_until(1ms) == std::nullopt);
          CHECK(!co_await when_all(f, b, g).async_wait_until(-1s));
          r.set_value(5);
          co_await when_all(f, b, g).async_wait();
          auto [x, y] = co_await when_all(std::move(f), std::move(b)).async_get();
          CHECK(x.get() == 1);
          CHECK(y.join() == 5);
          auto any = co_await when_any(std::move(g)).async_get();
          CHECK(any.index == 0);
          CHECK(std::get<0>(any.futures).get() == 2);
          std::vector<future<int>> none;
          CHECK(co_await when_any(none).async_wait() == std::size_t(-1));
        });
        others.join();
        a.join();
      },
      {.workers = workers()});
}

TEST_CASE("a fiber or task that never has to wait for a future lets others run all the same") {
  promise<void> p;
  p.set_value();
  const weft::shared_future<void> f = p.get_future();
  for (const bool several : {false, true})
    simulate(
        [&] {
          bool over = false;
          auto other = weft::spawn([&] { over = true; });
          while (!over) {
            if (several)
              (void)when_any(f).wait();
            else
              f.get();
          }
          other.join();
        },
        1);
  simulate(
      [&] {
        bool begun = false, over = false;
        auto other = weft::spawn([&] {
          while (!begun) weft::this_fiber::yield();
          over = true;
        });
        company one;
        one.start(weft::test::kind::task, {}, [&]() -> task<> {
          begun = true;
          while (!over) co_await when_any(f).async_wait();
        });
        one.join();
        other.join();
      },
      1);
}

TEST_CASE("stress: many wait for the first of fibers and futures that end at any moment, some are cancelled") {
  std::atomic<std::size_t> first[2]{}, cancelled{0};
  const std::size_t count = scaled(4000);
  weft::run(
      [&] {
        weft::with_scope([&](weft::scope& s) {
          for (std::size_t i = 0; i < count; ++i) {
            s.spawn([&, i] {
              promise<std::size_t> p;
              auto f = p.get_future();
              auto a = weft::spawn([i] {
                for (std::size_t k = 0; k < i % 3; ++k) weft::this_fiber::yield();
                return i;
              });
              auto setter = weft::spawn([&p, i] {
                for (std::size_t k = 0; k < i % 4; ++k) weft::this_fiber::yield();
                p.set_value(i);
              });
              auto waits = weft::spawn([&] {
                try {
                  const std::size_t which = when_any(a, f).wait();
                  CHECK((which == 0 ? a.done() : f.done()));
                  ++first[which];
                } catch (const weft::cancelled&) {
                  ++cancelled;
                }
              });
              if (i % 5 == 0) weft::this_fiber::yield();
              if (i % 2) waits.cancel();
              (void)waits.join_until(weft::never);
              try {
                waits.join();
              } catch (const std::system_error&) {
                ++cancelled;  // before it started
              }
              when_all(a, f, setter).wait();
              CHECK(a.join() == i);
              CHECK(f.get() == i);
              setter.join();
            });
            if (i % 20 == 0) weft::this_fiber::yield();
          }
        });
      },
      {.workers = workers()});
  CHECK(first[0] + first[1] + cancelled == count);
}
