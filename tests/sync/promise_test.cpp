// SPDX-License-Identifier: BSL-1.0
// Promises and their futures: what is set comes out, once, and every misuse is named.
#include <weft/sync/promise.hpp>

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
#include <weft/weft.hpp>

#include "support/alone.hpp"
#include "support/refusal.hpp"
#include "support/scale.hpp"
#include "support/simulated.hpp"
#include "sync/company.hpp"

using namespace std::chrono_literals;
using weft::future;
using weft::promise;
using weft::shared_future;
using weft::test::refuses;
using weft::test::simulate;

namespace {

template <class F> bool refuses_as(std::future_errc code, F&& f) {
  try {
    static_cast<void>(f());
  } catch (const std::future_error& e) {
    return e.code() == code;
  }
  return false;
}

struct counted {
  explicit counted(std::atomic<int>& where) : live(&where) { ++*live; }
  counted(counted&& other) noexcept : live(other.live) { ++*live; }
  ~counted() { --*live; }
  std::atomic<int>* live;
};

// Its copies and moves fail as often as it says.
struct fails_to_move {
  explicit fails_to_move(int& how_often) : left(&how_often) {}
  fails_to_move(const fails_to_move& other) : left(other.left) { maybe_fail(); }
  fails_to_move(fails_to_move&& other) : left(other.left) { maybe_fail(); }
  void maybe_fail() const {
    if (*left > 0 && (*left)-- > 0) throw std::runtime_error("not moved");
  }
  int* left;
};

}  // namespace

TEST_CASE("what a promise is given comes out of its future, once") {
  promise<int> number;
  auto f = number.get_future();
  CHECK(f.valid());
  CHECK(!f.done());
  number.set_value(7);
  CHECK(f.done());
  CHECK(f.ready());
  CHECK(f.wait_until(-1s));
  CHECK(f.get() == 7);
  CHECK(!f.valid());

  promise<std::unique_ptr<int>> moved;
  auto g = moved.get_future();
  moved.set_value(std::make_unique<int>(8));
  CHECK(*g.get() == 8);

  int x = 0;
  promise<int&> reference;
  auto h = reference.get_future();
  reference.set_value(x);
  CHECK(&h.get() == &x);

  promise<void> nothing;
  auto i = nothing.get_future();
  nothing.set_value();
  i.get();
  CHECK(!i.valid());

  promise<std::string> copied;
  const std::string text = "text";
  copied.set_value(text);
  CHECK(copied.get_future().get() == "text");
}

TEST_CASE("an exception comes out of the future, and the future is empty then") {
  promise<int> p;
  auto f = p.get_future();
  p.set_exception(std::make_exception_ptr(std::runtime_error("the reason")));
  CHECK(f.done());
  CHECK_THROWS_WITH_AS(f.get(), "the reason", std::runtime_error);
  CHECK(!f.valid());
}

TEST_CASE("a promise that ends without a value is broken; one whose future is gone just ends") {
  future<int> f;
  {
    promise<int> p;
    f = p.get_future();
    promise<int> moved(std::move(p));
    CHECK(!f.done());
  }
  CHECK(f.done());
  CHECK(refuses_as(std::future_errc::broken_promise, [&] { return f.get(); }));
  promise<int> p;
  f = p.get_future();
  promise<int> other;
  p = std::move(other);
  CHECK(refuses_as(std::future_errc::broken_promise, [&] { return f.get(); }));
  (void)p.get_future();
  p.set_value(1);
  const promise<void> never_asked;
}

TEST_CASE("misuse is named as std names it") {
  promise<int> p;
  auto f = p.get_future();
  CHECK(refuses_as(std::future_errc::future_already_retrieved, [&] { return p.get_future(); }));
  CHECK(refuses(std::errc::invalid_argument, "set_exception", [&] { return p.set_exception(nullptr), 0; }));
  p.set_value(1);
  CHECK(refuses_as(std::future_errc::promise_already_satisfied, [&] { return p.set_value(2), 0; }));
  CHECK(refuses_as(std::future_errc::promise_already_satisfied,
                   [&] { return p.set_exception(std::make_exception_ptr(1)), 0; }));
  CHECK(f.get() == 1);

  const auto without = [](auto&& what) { return refuses_as(std::future_errc::no_state, what); };
  CHECK(without([&] { return f.get(); }));
  CHECK(without([&] { return f.wait(), 0; }));
  CHECK(without([&] { return f.wait_until(weft::never); }));
  CHECK(without([&] { return f.done(); }));
  CHECK(without([&] { return f.on_ready([] {}), 0; }));
  CHECK(without([&] { return (void)f.async_get(), 0; }));
  CHECK(without([&] { return (void)f.async_wait(), 0; }));
  shared_future<int> s;
  CHECK(!s.valid());
  CHECK(without([&] { return s.get(); }));
  CHECK(!f.share().valid());
  promise<int> empty(std::move(p));
  CHECK(without([&] { return p.get_future(); }));
  CHECK(without([&] { return p.set_value(3), 0; }));
  CHECK(without([&] { return p.set_exception(std::make_exception_ptr(1)), 0; }));
  swap(p, empty);
  CHECK(refuses_as(std::future_errc::future_already_retrieved, [&] { return p.get_future(); }));
}

TEST_CASE("a value that cannot be made was not set") {
  int failures = 2;
  promise<fails_to_move> p;
  auto f = p.get_future();
  const fails_to_move value(failures);
  CHECK_THROWS_AS(p.set_value(value), std::runtime_error);
  CHECK(!f.done());
  CHECK_THROWS_AS(p.set_value(fails_to_move(failures)), std::runtime_error);
  CHECK(!f.done());
  p.set_value(value);
  CHECK(f.done());
  failures = 1;
  CHECK_THROWS_AS((void)f.get(), std::runtime_error);
  CHECK(!f.valid());
}

TEST_CASE("weft::cancelled as an exception comes out as operation_canceled: it is not the getter that is cancelled") {
  promise<int> p;
  auto f = p.get_future();
  p.set_exception(std::make_exception_ptr(weft::cancelled{}));
  CHECK(refuses(std::errc::operation_canceled, "future::get", [&] { return f.get(); }));
  simulate([] {
    promise<void> q;
    auto g = q.get_future().share();
    auto worker = weft::spawn([&] {
      try {
        weft::this_fiber::sleep_until(weft::never);
      } catch (...) {
        q.set_exception(std::current_exception());
        throw;
      }
    });
    weft::this_fiber::sleep_for(1s);
    worker.cancel();
    CHECK(refuses(std::errc::operation_canceled, "future::get", [&] { return g.get(), 0; }));
    CHECK(refuses(std::errc::operation_canceled, "future::get", [&] { return g.get(), 0; }));
    CHECK(refuses(std::errc::operation_canceled, "", [&] { return worker.join(), 0; }));
  });
}

TEST_CASE("shared futures stand for one value, which ends with the last of them") {
  std::atomic<int> live = 0;
  shared_future<counted> a;
  {
    promise<counted> p;
    auto f = p.get_future();
    a = f.share();
    CHECK(!f.valid());
    const shared_future<counted> b = a;
    p.set_value(counted(live));
    CHECK(live == 1);
    CHECK(&a.get() == &b.get());
    CHECK(a.get().live == &live);
    CHECK(a.valid());
  }
  CHECK(live == 1);
  a = {};
  CHECK(live == 0);
  int x = 0;
  promise<int&> reference;
  const shared_future<int&> r = reference.get_future();
  reference.set_value(x);
  CHECK(&r.get() == &x);
  promise<void> nothing;
  const shared_future<void> n = nothing.get_future();
  nothing.set_exception(std::make_exception_ptr(4));
  CHECK_THROWS_AS(n.get(), int);
  CHECK_THROWS_AS(n.get(), int);
}

TEST_CASE("a value ends with whoever has it last") {
  std::atomic<int> live = 0;
  {
    promise<counted> p;
    {
      auto f = p.get_future();
      p.set_value(counted(live));
      CHECK(live == 1);
    }
    CHECK(live == 1);  // the promise refers to it
  }
  CHECK(live == 0);
  {
    future<counted> f;
    {
      promise<counted> p;
      f = p.get_future();
      p.set_value(counted(live));
    }
    CHECK(live == 1);
    CHECK(f.get().live == &live);
    CHECK(live == 0);
  }
}

TEST_CASE("on_ready is called once: later, in the order of asking, or now") {
  std::string log;
  promise<int> p;
  auto f = p.get_future();
  f.on_ready([&] { log += 'a'; });
  f.on_ready([&, only_moved = std::make_unique<char>('b')] { log += *only_moved; });
  f.on_ready([&] { log += std::to_string(f.get()); });
  CHECK(log.empty());
  p.set_value(7);
  CHECK(log == "ab7");
  CHECK(!f.valid());

  promise<void> q;
  auto s = q.get_future().share();
  s.on_ready([&] { log += 'c'; });
  q.set_exception(std::make_exception_ptr(1));
  s.on_ready([&] { log += 'd'; });
  CHECK(log == "ab7cd");

  promise<void> broken;
  {
    auto dropped = broken.get_future().share();
    dropped.on_ready([&, later = dropped] { log += later.done() ? 'e' : '?'; });
  }
  broken = promise<void>();
  CHECK(log == "ab7cde");
  std::thread([&] {
    broken.get_future().on_ready([&] { log += 'f'; });
    broken.set_value();
  }).join();
  CHECK(log == "ab7cdef");
}

TEST_CASE("a getter that is cancelled or too late has consumed nothing") {
  simulate([] {
    promise<int> p;
    auto f = p.get_future();
    CHECK(!f.wait_for(1s));
    CHECK(!f.wait_until(-1s));
    auto getter = weft::spawn([&] { return f.get(); });
    weft::this_fiber::sleep_for(1s);
    getter.cancel();
    CHECK(refuses(std::errc::operation_canceled, "", [&] { return getter.join(); }));
    CHECK(f.valid());
    CHECK_THROWS_AS(weft::with_timeout(1s, [&] { (void)f.get(); }), weft::timed_out);
    auto setter = weft::spawn([&] {
      weft::this_fiber::sleep_for(1h);
      p.set_value(5);
    });
    const auto before = std::chrono::steady_clock::now();
    CHECK(f.wait_for(2h));
    CHECK(std::chrono::steady_clock::now() - before == 1h);
    auto too_late = weft::spawn([&] { return f.get(); });
    too_late.cancel();
    CHECK(refuses(std::errc::operation_canceled, "", [&] { return too_late.join(); }));
    bool cancelled = false;
    auto polite = weft::spawn([&] {
      while (!weft::this_fiber::cancelled()) weft::shield([] { weft::this_fiber::yield(); });
      try {
        (void)f.get();  // a cancellation point also when it is ready
      } catch (const weft::cancelled&) {
        cancelled = true;
      }
    });
    weft::this_fiber::yield();
    polite.cancel();
    (void)polite.join_until(weft::never);
    CHECK(f.valid());
    CHECK((cancelled || refuses(std::errc::operation_canceled, "", [&] { return polite.join(), 0; })));
    CHECK(f.get() == 5);
  });
}

TEST_CASE("planted: a future is destroyed while somebody waits" * doctest::skip()) {
  weft::run([] {
    promise<int> p;
    auto f = std::make_unique<future<int>>(p.get_future());
    auto getter = weft::spawn([&] { return f->get(); });
    weft::test::await_waiters(weft::detail::future_access::end_of(*f), 1);
    f.reset();
  });
}

TEST_CASE("destroying a future that is waited for ends the process and says so") {
  const auto end = weft::test::run_alone("planted: a future is destroyed while somebody waits");
  CHECK(end.signal == SIGABRT);
  CHECK(end.said_this("a future was destroyed while somebody waits for it"));
}

TEST_CASE("promises are swapped") {
  weft::promise<int> one, two;
  auto of_one = one.get_future();
  one.swap(two);
  two.set_value(1);
  CHECK(of_one.get() == 1);
}
