// SPDX-License-Identifier: BSL-1.0
// What is asked while somebody has the lock of a primitive, and is decided behind him.
#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <system_error>
#include <thread>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/function_ref.hpp"
#include "support/litmus.hpp"
#include "sync/company.hpp"

namespace {

// Long enough, as a rule, for one who has begun to come to the lock.
void let_come(const std::atomic<int>& begun, int count) {
  weft::test::spin_until([&] { return begun == count; });
  for (int spins = 0; spins < 300; ++spins) weft::detail::relax(0);
}

}  // namespace

TEST_CASE("of two who find a semaphore with one permit locked, one gets it") {
  for (int round = 0; round < 30; ++round) {
    weft::semaphore one_permit(1);
    auto& lot = weft::detail::lot_access::of(one_permit);
    const auto before = lot.lock();
    std::atomic<int> begun{0}, got{0};
    const auto take = [&] {
      ++begun;
      if (one_permit.try_acquire()) ++got;
    };
    std::thread one(take), other(take);
    let_come(begun, 2);
    lot.unlock(before);
    one.join();
    other.join();
    CHECK(got == 1);
    CHECK(one_permit.available() == 0);
  }
}

TEST_CASE("a reader who finds a shared mutex locked in both ways does not get it") {
  for (int round = 0; round < 30; ++round) {
    weft::shared_mutex m;
    m.lock();
    auto& lot = weft::detail::lot_access::of(m);
    const auto before = lot.lock();
    std::atomic<int> begun{0}, got{0};
    std::thread reader([&] {
      ++begun;
      if (m.try_lock_shared()) ++got;
    });
    let_come(begun, 1);
    lot.unlock(before);
    reader.join();
    CHECK(got == 0);
    m.unlock();
  }
}

TEST_CASE("of two who find a promise locked and set it, one is refused") {
  for (int round = 0; round < 30; ++round) {
    weft::promise<int> p;
    auto f = p.get_future();
    auto& lot = weft::detail::future_access::end_of(f).lot();
    const auto before = lot.lock();
    std::atomic<int> begun{0}, refused{0};
    const auto set = [&] {
      ++begun;
      try {
        p.set_value(1);
      } catch (const std::future_error&) {
        ++refused;
      }
    };
    std::thread one(set), other(set);
    let_come(begun, 2);
    lot.unlock(before);
    one.join();
    other.join();
    CHECK(refused == 1);
    CHECK(f.get() == 1);
  }
}

TEST_CASE("a fiber that is cancelled between its look at a channel and its wait lets the channel go") {
  weft::runtime elsewhere({.workers = 1});
  for (int round = 0; round < 30; ++round) {
    weft::channel<int> c;
    auto& core = weft::detail::channel_access::core(c);
    const auto is_cancelled = [&](auto&& what) {
      std::atomic<int> begun{0};
      core.lock();
      auto fiber = elsewhere.spawn([&] {
        ++begun;
        what();
      });
      let_come(begun, 1);
      fiber.cancel();
      core.unlock();
      CHECK_THROWS_AS(fiber.join(), std::system_error);
      CHECK(!core.is_waited_for());
    };
    is_cancelled([&] { (void)c.receive(); });
    is_cancelled([&] { c.send(1); });
  }
}

namespace {

// The first of two futures is waited for; the first one's word is locked when the second comes and the wait is cancelled.
struct meeting {
  weft::promise<int> never, set;
  weft::future<int> first = never.get_future(), second = set.get_future();
  weft::event go;
  std::atomic<int> begun{0};
  std::atomic<bool> gone{false};
};

// `begin` starts on another runtime who waits for it and then for `go`, and returns what cancels him.
void cancel_behind_lock(weft::test::function_ref<std::function<void()>(weft::runtime&, meeting&)> begin) {
  weft::runtime elsewhere({.workers = 1});
  for (int round = 0; round < 30; ++round) {
    meeting m;
    auto& lot = weft::detail::future_access::end_of(m.first).lot();
    const auto before = lot.lock();
    const auto cancel = begin(elsewhere, m);
    let_come(m.begun, 1);
    m.set.set_value(1);
    cancel();
    lot.unlock(before);
    weft::test::spin_until([&] { return m.gone || weft::test::waiters_of(m.go) == 1; });
    CHECK(!m.gone);
    m.go.set();
    weft::test::spin_until([&] { return m.gone.load(); });
  }
}

}  // namespace

// The cancellation wins a wait that does not begin in the end.
TEST_CASE("a fiber that is cancelled while it finds one of several ended is woken by that in no later wait") {
  cancel_behind_lock([](weft::runtime& elsewhere, meeting& m) -> std::function<void()> {
    const auto fiber = std::make_shared<weft::fiber<>>(elsewhere.spawn([&m] {
      ++m.begun;
      try {
        (void)weft::when_any(m.first, m.second).wait();
      } catch (const weft::cancelled&) {
      }
      weft::shield([&] { m.go.wait(); });
      m.gone = true;
    }));
    return [fiber] { fiber->cancel(); };
  });
}

TEST_CASE("a task that is cancelled while it finds one of several ended is woken by that in no later wait") {
  const auto waits = [](meeting& m) -> weft::stackless::task<> {
    ++m.begun;
    for (;;) {
      try {
        (void)co_await weft::when_any(m.first, m.second).async_wait();
        co_await m.go.async_wait();
        m.gone = true;
        co_return;
      } catch (const weft::cancelled&) {
      }
    }
  };
  cancel_behind_lock([&](weft::runtime& elsewhere, meeting& m) -> std::function<void()> {
    const auto task = elsewhere.spawn([&] { return weft::stackless::create_task(waits(m)).ref(); }).join();
    return [task] { task.cancel(); };
  });
}
