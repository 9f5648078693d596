// SPDX-License-Identifier: BSL-1.0
// Cancellations at the moments where an operation of a channel knows them from others: before its wait, and in clean-up.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <utility>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/function_ref.hpp"
#include "support/litmus.hpp"
#include "support/refusal.hpp"
#include "support/scale.hpp"
#include "support/simulated.hpp"
#include "sync/channels.hpp"
#include "sync/values.hpp"

using namespace std::chrono_literals;
using namespace weft::test;
using weft::channel;

namespace {

template <class T> bool ended_by_cancellation(weft::fiber<T>& f) {
  return refuses(std::errc::operation_canceled, "the fiber was cancelled", [&] { return f.join(), 0; });
}

// A fiber does `again` until it yields, as it does once in a while before it looks whether it has to wait. Who runs then
// cancels it and does `meanwhile`, after which it would have to.
bool is_cancelled_before_it_waits(function_ref<void()> again, function_ref<void()> meanwhile) {
  bool caught = false;
  weft::fiber<> f;
  f = weft::spawn([&] {
    auto other = weft::spawn([&] {
      f.cancel();
      meanwhile();
    });
    try {
      for (;;) again();
    } catch (const weft::cancelled&) {
      caught = true;
      throw;
    }
  });
  return ended_by_cancellation(f) && caught;
}

}  // namespace

// Caught by this: a refused arm that is not looked at, or that leaves the lock held.
TEST_CASE("a cancellation that comes after the look for one and before the wait is not lost") {
  simulate([] {
    const std::size_t capacity = 1000;
    channel<token> c(capacity), aside;
    token mine(1);
    const auto fill = [&] {
      while (c.try_send(token(2))) {
      }
    };
    const auto drain = [&] {
      while (c.try_receive()) {
      }
    };
    const auto renewed = [&]() -> token&& {
      if (mine.number() == 0) mine = token(1);
      return std::move(mine);
    };
    const auto check_sends = [&](function_ref<void()> send) {
      drain();
      CHECK(is_cancelled_before_it_waits(send, fill));
      CHECK(mine.number() == 1);
      CHECK(c.size() == capacity);
    };
    const auto check_receives = [&](function_ref<void()> receive) {
      fill();
      CHECK(is_cancelled_before_it_waits(receive, drain));
      CHECK(c.size() == 0);
    };
    check_sends([&] { c.send(renewed()); });
    check_sends([&] { c.send_until(renewed(), 1h); });
    check_sends([&] { weft::select(weft::on_receive(aside, ignore), weft::on_send(c, renewed(), ignore)); });
    check_receives([&] { c.receive(); });
    check_receives([&] { c.receive_until(1h); });
    check_receives([&] { weft::select(weft::on_receive(aside, ignore), weft::on_receive(c, ignore)); });
    CHECK(nobody_waits(c, aside));
  });
}

TEST_CASE("what a destructor sends and receives during unwinding is not interrupted") {
  simulate([] {
    channel<int> in, out;
    int cleaned = 0;
    struct cleaning {
      channel<int>& in;
      channel<int>& out;
      int& count;
      ~cleaning() {
        const std::optional<int> got = in.receive();
        out.send(*got + 1);
        ++count;
      }
    };
    auto failed = weft::spawn([&] {
      const cleaning c{in, out, cleaned};
      throw 1;
    });
    auto cancelled = weft::spawn([&] {
      const cleaning c{in, out, cleaned};
      weft::this_fiber::sleep_until(weft::never);
    });
    weft::this_fiber::sleep_for(1s);
    failed.cancel();  // it waits in the destructor
    cancelled.cancel();
    weft::this_fiber::sleep_for(1s);
    for (int i = 0; i < 2; ++i) {
      in.send(i);
      weft::this_fiber::sleep_for(1s);
      CHECK(out.receive() == i + 1);
    }
    CHECK_THROWS_AS(failed.join(), int);
    CHECK(ended_by_cancellation(cancelled));
    CHECK(cleaned == 2);
  });
}

// Caught by this: the same of a task, which nothing holds up in between but the channel's lock.
TEST_CASE("a cancellation that comes while a task waits for the channel's lock is not lost") {
  weft::runtime r({.workers = 1, .hog_threshold = 0ns});
  stagger wait(1);
  for (std::size_t round = 0; round < scaled(300); ++round) {
    channel<int> c;
    std::atomic<bool> comes{false};
    weft::stackless::task_ref ref;
    std::unique_lock lock(weft::detail::channel_access::core(c));
    const auto body = [&]() -> weft::stackless::task<> {
      comes = true;
      if (round % 3 == 0)
        co_await c.async_send(1);
      else if (round % 3 == 1)
        co_await c.async_receive();
      else
        co_await c.async_receive_until(1h);
    };
    auto f = r.spawn([&] {
      auto waiting = weft::stackless::create_task(body());
      ref = waiting.ref();
      weft::await(waiting);
    });
    spin_until([&] { return comes.load(); });
    wait();
    ref.cancel();
    lock.unlock();
    CHECK(refuses(std::errc::operation_canceled, "", [&] { return f.join(), 0; }));
    CHECK(nobody_waits(c));
  }
}
