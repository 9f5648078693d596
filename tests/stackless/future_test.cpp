// SPDX-License-Identifier: BSL-1.0
// Futures against what asyncio documents.
#include <weft/stackless/future.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <queue>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#include <weft/stackless.hpp>

#include "support/loops.hpp"
#include "support/refusal.hpp"
#include "support/scale.hpp"

using namespace std::chrono_literals;
using weft::stackless::any_future;
using weft::stackless::error_context;
using weft::stackless::event_loop;
using weft::stackless::future;
using weft::stackless::gather;
using weft::stackless::get_running_loop;
using weft::stackless::invalid_state;
using weft::stackless::task;
using weft::stackless::task_future;
using weft::stackless::wait_for;
using weft::stackless::yield;
using weft::test::on_loops;
using weft::test::refused;
using weft::test::refuses;

// Whoever wants to compile them once may, whatever they hold.
template class weft::stackless::future<void>;
template class weft::stackless::future<int&>;
template class weft::stackless::future<std::unique_ptr<int>>;

TEST_CASE("a pending future has neither result nor exception; a settled one is not settled again") {
  on_loops([]() -> task<> {
    future<int> f;
    CHECK_FALSE(f.done());
    CHECK(refuses(refused, "not done", [&] { return f.result(); }));
    CHECK(refuses(refused, "not done", [&] { return (void)f.exception(), 0; }));
    f.set_result(3);
    CHECK(f.done());
    CHECK_FALSE(f.cancelled());
    CHECK(f.result() == 3);
    CHECK(f.exception() == nullptr);
    CHECK_THROWS_AS(f.set_result(4), invalid_state);
    CHECK_THROWS_AS(f.set_exception(std::runtime_error("late")), invalid_state);
    CHECK_FALSE(f.cancel());
    CHECK(co_await f == 3);
    CHECK(co_await f == 3);
    CHECK_THROWS_AS((void)any_future().done(), invalid_state);
  });
  CHECK(refuses(refused, "no running event loop", [] { return (void)future<int>(), 0; }));
}

TEST_CASE("an exception comes out of result and of co_await, each time") {
  on_loops([]() -> task<> {
    future<> f;
    CHECK(refuses(std::errc::invalid_argument, "null", [&] { return f.set_exception(std::exception_ptr()), 0; }));
    CHECK(refuses(std::errc::invalid_argument, "null", [&] { return f.set_exception(nullptr), 0; }));
    f.set_exception(std::runtime_error("it failed"));
    for (int i = 0; i < 2; ++i) {
      CHECK_THROWS_WITH_AS(f.result(), "it failed", std::runtime_error);
      bool thrown = false;
      try {
        co_await f;
      } catch (const std::runtime_error&) {
        thrown = true;
      }
      CHECK(thrown);
    }
    CHECK(f.exception() != nullptr);
  });
}

TEST_CASE("a cancelled future: operation_canceled, which is not the caller's own cancellation") {
  on_loops([]() -> task<> {
    future<int> f;
    CHECK(f.cancel());
    CHECK_FALSE(f.cancel());
    CHECK(f.cancelled());
    CHECK(f.done());
    CHECK(refuses(std::errc::operation_canceled, "cancelled", [&] { return f.result(); }));
    CHECK(refuses(std::errc::operation_canceled, "cancelled", [&] { return (void)f.exception(), 0; }));
    CHECK_THROWS_AS(f.set_result(1), invalid_state);
    bool told = false;
    try {
      (void)co_await f;
    } catch (const std::system_error& e) {
      told = e.code() == std::errc::operation_canceled;
    }
    CHECK(told);
  });
}

TEST_CASE("done callbacks are called by the loop, in their order, never from where the future is settled") {
  event_loop loop;
  std::string log;
  auto f = loop.create_future<int>();
  f.add_done_callback([&] { log += "a"; });
  const auto removed = f.add_done_callback([&] { log += "never"; });
  f.add_done_callback([&](any_future which) {
    CHECK(which == f);
    log += "b";
  });
  CHECK(f.remove_done_callback(removed));
  CHECK_FALSE(f.remove_done_callback(removed));
  loop.call_soon([&] {
    f.set_result(1);
    log += "settled,";
    f.add_done_callback([&] {
      log += "c";
      loop.stop();
    });
  });
  loop.run_forever();
  CHECK(log == "settled,abc");
  CHECK(&f.get_loop() == &loop);
}

TEST_CASE("a callback of a future that never comes is destroyed with it") {
  const auto kept = std::make_shared<int>(0);
  event_loop loop;
  {
    auto f = loop.create_future<int>();
    f.add_done_callback([kept](any_future) {});
    CHECK(kept.use_count() == 2);
  }
  CHECK(kept.use_count() == 1);
}

TEST_CASE("several tasks await one future, and all go on; other threads may settle it") {
  on_loops([]() -> task<> {
    future<std::string> f;
    std::atomic<int> seen = 0;
    std::vector<task_future<>> all;
    for (int i = 0; i < 10; ++i) {
      all.push_back(get_running_loop().create_task([](future<std::string> what, std::atomic<int>& count) -> task<> {
        const std::string& text = co_await what;
        if (text == "done") ++count;
      }(f, seen)));
    }
    co_await yield();
    std::thread other([f] { f.set_result("done"); });
    for (auto& one : all) co_await one;
    other.join();
    CHECK(seen == 10);
  });
}

TEST_CASE("results may be references or movable only; an rvalue gives them up") {
  on_loops([]() -> task<> {
    int place = 5;
    future<int&> reference;
    reference.set_result(place);
    CHECK(&co_await reference == &place);
    future<std::unique_ptr<int>> only;
    only.set_result(std::make_unique<int>(6));
    CHECK(**&co_await only == 6);
    const std::unique_ptr<int> taken = co_await std::move(only);
    CHECK(*taken == 6);
    future<std::string> shared;
    shared.set_result("text");
    const auto other = shared;
    const std::string copied = co_await std::move(shared);
    CHECK(copied == "text");
    CHECK(other.result() == "text");
  });
}

TEST_CASE("a callback may take the future with its type, and ask it for the result") {
  on_loops([]() -> task<> {
    int sum = 0;
    future<int> f;
    f.add_done_callback([&](const future<int>& done) { sum += done.result(); });
    f.add_done_callback([&](auto done) { sum += done.result(); });
    f.add_done_callback([&](const any_future& done) { sum += done == f; });
    f.set_result(2);
    auto driven = get_running_loop().create_task([]() -> task<std::string> { co_return "three"; }());
    driven.add_done_callback([&](const future<std::string>& done) { sum += int(done.result().size()); });
    (void)co_await driven;
    for (int i = 0; i < 3; ++i) co_await yield();
    CHECK(sum == 10);
  });
}

namespace {

using boxes = std::vector<std::unique_ptr<int>>;

task<std::unique_ptr<int>> box(int of) { co_return std::make_unique<int>(of); }
task<boxes> one_box(int of) {
  boxes all;
  all.push_back(co_await box(of));
  co_return all;
}
task<std::queue<std::unique_ptr<int>>> queued_box(int of) {
  std::queue<std::unique_ptr<int>> all;
  all.push(co_await box(of));
  co_return all;
}

}  // namespace

TEST_CASE("a container says that it can be copied; its elements are asked, and it is moved if they cannot be") {
  on_loops([]() -> task<> {
    std::vector<task<std::unique_ptr<int>>> what;
    for (int i = 0; i < 3; ++i) what.push_back(box(i));
    const boxes all = co_await gather(std::move(what));
    CHECK(*all.at(2) == 2);
    const auto [first, second] = co_await gather(one_box(3), one_box(4));
    CHECK(*first.at(0) + *second.at(0) == 7);
    CHECK(*(co_await wait_for(one_box(5), weft::never)).at(0) == 5);
    CHECK(*(co_await wait_for(queued_box(8), weft::never)).front() == 8);
    auto shared = get_running_loop().create_task(one_box(6));
    CHECK(*(co_await shared).at(0) == 6);
    CHECK(*(co_await std::move(shared)).at(0) == 6);
    auto text = get_running_loop().create_task([]() -> task<std::vector<std::string>> { co_return {"copied"}; }());
    const auto other = text;
    CHECK(co_await std::move(text) == other.result());
  });
}

TEST_CASE("of several threads that settle one future, one wins") {
  event_loop loop;
  const std::size_t rounds = weft::test::scaled(200, 20);
  for (std::size_t i = 0; i < rounds; ++i) {
    auto f = loop.create_future<int>();
    std::atomic<int> won = 0;
    const auto settle = [&](int value) {
      try {
        value == 0 ? void(f.cancel() && ++won) : (f.set_result(value), void(++won));
      } catch (const invalid_state&) {
      }
    };
    std::thread first(settle, 1), second(settle, int(i % 2) * 2);
    first.join();
    second.join();
    CHECK(won == 1);
    CHECK(f.done());
  }
}

TEST_CASE("an exception that nobody retrieved is told when the future goes") {
  event_loop loop;
  std::vector<std::string> said;
  loop.set_exception_handler([&](event_loop&, const error_context& what) {
    CHECK(what.exception != nullptr);
    said.push_back(what.message);
  });
  loop.call_soon([&] {
    loop.create_future<>().set_exception(std::runtime_error("lost"));
    auto seen = loop.create_future<>();
    seen.set_exception(std::runtime_error("seen"));
    CHECK(seen.exception() != nullptr);
    (void)loop.create_task([]() -> task<> {
      throw std::runtime_error("lost, too");
      co_return;
    }());
    loop.call_soon([&] { loop.call_soon([&] { loop.stop(); }); });
  });
  loop.run_forever();
  CHECK(said == std::vector<std::string>(2, "the exception of a future was never retrieved"));
}

TEST_CASE("what is told from another thread, when the loop stops for good, is heard") {
  event_loop loop;
  int heard = 0;
  loop.set_exception_handler([&](event_loop&, const error_context&) { ++heard; });
  auto fails = loop.create_future<>();
  fails.set_exception(std::runtime_error("lost"));
  loop.call_soon([&] {
    std::thread([&] { fails = loop.create_future<>(); }).join();
    loop.stop();
  });
  loop.run_forever();
  loop.close();
  CHECK(heard == 1);
}
