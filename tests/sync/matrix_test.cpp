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
using weft::test::make_operation;
using weft::test::operation_on;
using weft::test::waiting_operation;

namespace {

struct event_wait : operation_on<weft::event> {
  void make_ready() override { one.set(); }
  void perform() override { one.wait(); }
  bool perform_until(deadline d) override { return one.wait_until(d); }
  task<> perform_async() override { co_await one.async_wait(); }
  task<bool> perform_async_until(deadline d) override { co_return co_await one.async_wait_until(d); }
};

struct auto_reset_event_wait : operation_on<weft::auto_reset_event> {
  void make_ready() override { one.set(); }
  void perform() override { one.wait(); }
  bool perform_until(deadline d) override { return one.wait_until(d); }
  task<> perform_async() override { co_await one.async_wait(); }
  task<bool> perform_async_until(deadline d) override { co_return co_await one.async_wait_until(d); }
  properties is() const override { return {.consumes = true}; }
};

struct semaphore_acquire : operation_on<weft::semaphore> {
  semaphore_acquire() : operation_on(0) {}
  void make_ready() override { one.release(); }
  void perform() override { one.acquire(); }
  bool perform_until(deadline d) override { return one.try_acquire_until(d); }
  task<> perform_async() override { co_await one.async_acquire(); }
  task<bool> perform_async_until(deadline d) override { co_return co_await one.async_acquire_until(d); }
  properties is() const override { return {.consumes = true}; }
};

struct latch_wait : operation_on<weft::latch> {
  latch_wait() : operation_on(1) {}
  void make_ready() override { one.count_down(); }
  void perform() override { one.wait(); }
  bool perform_until(deadline d) override { return one.wait_until(d); }
  task<> perform_async() override { co_await one.async_wait(); }
  task<bool> perform_async_until(deadline d) override { co_return co_await one.async_wait_until(d); }
};

struct latch_arrive : operation_on<weft::latch> {
  latch_arrive() : operation_on(2) {}
  void make_ready() override { one.count_down(); }
  void perform() override { one.arrive_and_wait(); }
  task<> perform_async() override { co_await one.async_arrive_and_wait(); }
  properties is() const override { return {.timed = false, .completes = true, .word_afterwards = 0}; }
};

struct wait_group_wait : operation_on<weft::wait_group> {
  wait_group_wait() { one.add(); }
  void make_ready() override { one.done(); }
  void perform() override { one.wait(); }
  bool perform_until(deadline d) override { return one.wait_until(d); }
  task<> perform_async() override { co_await one.async_wait(); }
  task<bool> perform_async_until(deadline d) override { co_return co_await one.async_wait_until(d); }
};

struct barrier_wait : operation_on<weft::barrier<>> {
  barrier_wait() : operation_on(2) {}
  std::optional<weft::barrier<>::arrival_token> phase{one.arrive()};
  void make_ready() override { (void)one.arrive(); }
  void perform() override { one.wait(std::move(*phase)); }
  task<> perform_async() override { co_await one.async_wait(std::move(*phase)); }
  properties is() const override { return {.timed = false}; }
};

struct barrier_arrive : operation_on<weft::barrier<>> {
  barrier_arrive() : operation_on(2) {}
  void make_ready() override { (void)one.arrive(); }
  void perform() override { one.arrive_and_wait(); }
  bool perform_until(deadline d) override { return one.arrive_and_wait_until(d); }
  task<> perform_async() override { co_await one.async_arrive_and_wait(); }
  task<bool> perform_async_until(deadline d) override { co_return co_await one.async_arrive_and_wait_until(d); }
  properties is() const override { return {.consumes = true, .completes = true}; }
};

struct condition_wait : operation_on<weft::condition_variable> {
  weft::mutex m;
  void make_ready() override {
    const std::lock_guard guard(m);
    one.notify_one();
  }
  void perform() override {
    std::unique_lock lock(m);
    one.wait(lock);
    CHECK(m.is_mine());
  }
  bool perform_until(deadline d) override {
    std::unique_lock lock(m);
    const bool notified = one.wait_until(lock, d) == std::cv_status::no_timeout;
    CHECK(m.is_mine());
    return notified;
  }
  task<> perform_async() override {
    co_await m.async_lock();
    std::unique_lock lock(m, std::adopt_lock);
    co_await one.async_wait(lock);
    CHECK(m.is_mine());
  }
  task<bool> perform_async_until(deadline d) override {
    co_await m.async_lock();
    std::unique_lock lock(m, std::adopt_lock);
    const bool notified = co_await one.async_wait_until(lock, d) == std::cv_status::no_timeout;
    CHECK(m.is_mine());
    co_return notified;
  }
  properties is() const override { return {.keeps = false}; }
};

// Under a lock of the one that waits, whose unlock() waits, too, if `patient`.
template <bool patient> struct any_condition_wait : operation_on<weft::condition_variable_any> {
  struct patient_mutex : weft::mutex {
    void unlock() {
      const std::lock_guard inside(own);
      weft::mutex::unlock();
    }
    weft::mutex own;
  };
  std::conditional_t<patient, patient_mutex, weft::mutex> m;
  void make_ready() override {
    const std::lock_guard guard(m);
    one.notify_one();
  }
  void perform() override {
    const std::lock_guard guard(m);
    one.wait(m);
  }
  bool perform_until(deadline d) override {
    const std::lock_guard guard(m);
    return one.wait_until(m, d) == std::cv_status::no_timeout;
  }
  task<> perform_async() override {
    co_await m.async_lock();
    const std::lock_guard guard(m, std::adopt_lock);
    co_await one.async_wait(m);
  }
  task<bool> perform_async_until(deadline d) override {
    co_await m.async_lock();
    const std::lock_guard guard(m, std::adopt_lock);
    co_return co_await one.async_wait_until(m, d) == std::cv_status::no_timeout;
  }
  // The one that is patient is in line until it runs again, also when it was cancelled; notified by then, it was.
  properties is() const override { return {.keeps = false, .completes = patient}; }
};

template <class Mutex> struct lock : operation_on<Mutex> {
  using operation_on<Mutex>::one;
  lock() { one.lock(); }
  void make_ready() override { one.unlock(); }
  void perform() override { one.lock(); }
  bool perform_until(deadline d) override { return one.try_lock_until(d); }
  task<> perform_async() override { co_await one.async_lock(); }
  task<bool> perform_async_until(deadline d) override { co_return co_await one.async_try_lock_until(d); }
  void finish() override { one.unlock(); }
  waiting_operation::properties is() const override { return {.cancellable = false}; }
};

struct shared_lock : operation_on<weft::shared_mutex> {
  shared_lock() { one.lock(); }
  void make_ready() override { one.unlock(); }
  void perform() override { one.lock_shared(); }
  bool perform_until(deadline d) override { return one.try_lock_shared_until(d); }
  task<> perform_async() override { co_await one.async_lock_shared(); }
  task<bool> perform_async_until(deadline d) override { co_return co_await one.async_try_lock_shared_until(d); }
  void finish() override { one.unlock_shared(); }
  properties is() const override { return {.cancellable = false}; }
};

}  // namespace

#define SHAPES                                                                                                   \
  event_wait, auto_reset_event_wait, semaphore_acquire, latch_wait, latch_arrive, wait_group_wait, barrier_wait, \
      barrier_arrive, condition_wait, any_condition_wait<false>, any_condition_wait<true>, lock<weft::mutex>,    \
      lock<weft::recursive_mutex>, lock<weft::shared_mutex>, shared_lock

TEST_CASE_TEMPLATE("each waiting operation keeps its word in every situation", Operation, SHAPES) {
  for (std::size_t round = weft::test::scaled(5, 2); round > 0; --round)
    weft::run([] {
      for (const kind k : weft::test::kinds) {
        CAPTURE(name_of(k));
        try_all_situations(make_operation<Operation>, k);
      }
    });
}

TEST_CASE_TEMPLATE("each waiting operation keeps its word in every situation and any order", Operation, SHAPES) {
  weft::test::simulate(
      [] {
        for (const kind k : {kind::fiber, kind::movable, kind::task}) {
          CAPTURE(name_of(k));
          try_all_situations(make_operation<Operation>, k);
        }
      },
      60);
}

#undef SHAPES
