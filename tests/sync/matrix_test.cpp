// SPDX-License-Identifier: BSL-1.0
// The waiting operations of the std shapes, for the matrix.
#include "sync/matrix.hpp"

#include <mutex>
#include <type_traits>
#include <utility>

#include "support/scale.hpp"
#include "support/simulated.hpp"

using weft::deadline;
using weft::stackless::task;
using weft::test::kind;

namespace {

// Most operations: nothing to give back, cancellable, and what is ready stays so.
struct usual {
  void finish() {}
  static constexpr bool consumes = false, keeps = true, cancellable = true, completes = false;
};
struct like_a_lock : usual {
  static constexpr bool cancellable = false;
};

struct event_wait : usual {
  weft::event one;
  auto& primitive() { return one; }
  void make_ready() { one.set(); }
  void perform() { one.wait(); }
  bool perform_until(deadline d) { return one.wait_until(d); }
  task<> perform_async() { co_await one.async_wait(); }
  task<bool> perform_async_until(deadline d) { co_return co_await one.async_wait_until(d); }
};

struct auto_reset_event_wait : usual {
  weft::auto_reset_event one;
  auto& primitive() { return one; }
  void make_ready() { one.set(); }
  void perform() { one.wait(); }
  bool perform_until(deadline d) { return one.wait_until(d); }
  task<> perform_async() { co_await one.async_wait(); }
  task<bool> perform_async_until(deadline d) { co_return co_await one.async_wait_until(d); }
  static constexpr bool consumes = true;
};

struct semaphore_acquire : usual {
  weft::semaphore one{0};
  auto& primitive() { return one; }
  void make_ready() { one.release(); }
  void perform() { one.acquire(); }
  bool perform_until(deadline d) { return one.try_acquire_until(d); }
  task<> perform_async() { co_await one.async_acquire(); }
  task<bool> perform_async_until(deadline d) { co_return co_await one.async_acquire_until(d); }
  static constexpr bool consumes = true;
};

struct latch_wait : usual {
  weft::latch one{1};
  auto& primitive() { return one; }
  void make_ready() { one.count_down(); }
  void perform() { one.wait(); }
  bool perform_until(deadline d) { return one.wait_until(d); }
  task<> perform_async() { co_await one.async_wait(); }
  task<bool> perform_async_until(deadline d) { co_return co_await one.async_wait_until(d); }
};

struct latch_arrive : usual {
  weft::latch one{2};
  auto& primitive() { return one; }
  void make_ready() { one.count_down(); }
  void perform() { one.arrive_and_wait(); }
  task<> perform_async() { co_await one.async_arrive_and_wait(); }
  static constexpr bool completes = true;
  static constexpr weft::detail::parking_lot::word word_afterwards = 0;
};

struct wait_group_wait : usual {
  wait_group_wait() { one.add(); }
  weft::wait_group one;
  auto& primitive() { return one; }
  void make_ready() { one.done(); }
  void perform() { one.wait(); }
  bool perform_until(deadline d) { return one.wait_until(d); }
  task<> perform_async() { co_await one.async_wait(); }
  task<bool> perform_async_until(deadline d) { co_return co_await one.async_wait_until(d); }
};

struct barrier_wait : usual {
  weft::barrier<> one{2};
  std::optional<weft::barrier<>::arrival_token> phase{one.arrive()};
  auto& primitive() { return one; }
  void make_ready() { (void)one.arrive(); }
  void perform() { one.wait(std::move(*phase)); }
  task<> perform_async() { co_await one.async_wait(std::move(*phase)); }
};

struct barrier_arrive : usual {
  weft::barrier<> one{2};
  auto& primitive() { return one; }
  void make_ready() { (void)one.arrive(); }
  void perform() { one.arrive_and_wait(); }
  bool perform_until(deadline d) { return one.arrive_and_wait_until(d); }
  task<> perform_async() { co_await one.async_arrive_and_wait(); }
  static constexpr bool completes = true;
  task<bool> perform_async_until(deadline d) { co_return co_await one.async_arrive_and_wait_until(d); }
  static constexpr bool consumes = true;
};

struct condition_wait : usual {
  weft::condition_variable one;
  weft::mutex m;
  auto& primitive() { return one; }
  void make_ready() {
    const std::lock_guard guard(m);
    one.notify_one();
  }
  void perform() {
    std::unique_lock lock(m);
    one.wait(lock);
    CHECK(m.is_mine());
  }
  bool perform_until(deadline d) {
    std::unique_lock lock(m);
    const bool notified = one.wait_until(lock, d) == std::cv_status::no_timeout;
    CHECK(m.is_mine());
    return notified;
  }
  task<> perform_async() {
    co_await m.async_lock();
    std::unique_lock lock(m, std::adopt_lock);
    co_await one.async_wait(lock);
    CHECK(m.is_mine());
  }
  task<bool> perform_async_until(deadline d) {
    co_await m.async_lock();
    std::unique_lock lock(m, std::adopt_lock);
    const bool notified = co_await one.async_wait_until(lock, d) == std::cv_status::no_timeout;
    CHECK(m.is_mine());
    co_return notified;
  }
  static constexpr bool keeps = false;
};

template <class Mutex> struct lock : like_a_lock {
  lock() { one.lock(); }
  Mutex one;
  auto& primitive() { return one; }
  void make_ready() { one.unlock(); }
  void perform() { one.lock(); }
  bool perform_until(deadline d) { return one.try_lock_until(d); }
  task<> perform_async() { co_await one.async_lock(); }
  task<bool> perform_async_until(deadline d) { co_return co_await one.async_try_lock_until(d); }
  void finish() { one.unlock(); }
};

struct shared_lock : like_a_lock {
  shared_lock() { one.lock(); }
  weft::shared_mutex one;
  auto& primitive() { return one; }
  void make_ready() { one.unlock(); }
  void perform() { one.lock_shared(); }
  bool perform_until(deadline d) { return one.try_lock_shared_until(d); }
  task<> perform_async() { co_await one.async_lock_shared(); }
  task<bool> perform_async_until(deadline d) { co_return co_await one.async_try_lock_shared_until(d); }
  void finish() { one.unlock_shared(); }
};

}  // namespace

#define SHAPES                                                                                                   \
  event_wait, auto_reset_event_wait, semaphore_acquire, latch_wait, latch_arrive, wait_group_wait, barrier_wait, \
      barrier_arrive, condition_wait, lock<weft::mutex>, lock<weft::recursive_mutex>, lock<weft::shared_mutex>,  \
      shared_lock

TEST_CASE_TEMPLATE("each waiting operation keeps its word in every situation", Operation, SHAPES) {
  for (std::size_t round = weft::test::scaled(5, 2); round > 0; --round)
    weft::run([] {
      for (const kind k : weft::test::kinds) {
        CAPTURE(name_of(k));
        weft::test::matrix<Operation>(k).run_all();
      }
    });
}

TEST_CASE_TEMPLATE("each waiting operation keeps its word in every situation and any order", Operation, SHAPES) {
  weft::test::simulate(
      [] {
        for (const kind k : {kind::fiber, kind::movable, kind::task}) {
          CAPTURE(name_of(k));
          weft::test::matrix<Operation>(k).run_all();
        }
      },
      60);
}

#undef SHAPES
