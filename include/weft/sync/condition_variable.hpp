// SPDX-License-Identifier: BSL-1.0
// condition_variable: like std::condition_variable, with std::unique_lock<weft::mutex>.
#pragma once

#include <concepts>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <weft/base/deadline.hpp>
#include <weft/detail/sync/condition.hpp>
#include <weft/stackless/task.hpp>
#include <weft/sync/mutex.hpp>

namespace weft::detail {

// A task's wait: at the condition, then for the mutex.
class condition_step : public lot_operation {
 public:
  // The mutex of a lock that holds it; else throws operation_not_permitted.
  static mutex& verified(const std::unique_lock<mutex>& lock);

 protected:
  condition_step(condition& c, std::unique_lock<mutex>& lock, deadline until);
  condition_step(const condition_step&) = delete;  // nor moved: it is this task that holds the lock

 private:
  static bool wait_then_lock(operation& self) noexcept;

  held_lock held_;
  lock_operation relocking_;
  bool waited_ = false;
};

class [[nodiscard]] condition_operation : public condition_step {
 public:
  condition_operation(condition& c, std::unique_lock<mutex>& lock) : condition_step(c, lock, never) {}
  void await_resume() const { (void)result(); }
};

class [[nodiscard]] timed_condition_operation : public condition_step {
 public:
  timed_condition_operation(condition& c, std::unique_lock<mutex>& lock, deadline until)
      : condition_step(c, lock, until) {}
  [[nodiscard]] std::cv_status await_resume() const {
    return result() ? std::cv_status::no_timeout : std::cv_status::timeout;
  }
};

}  // namespace weft::detail

namespace weft {

// Between fibers, plain threads and tasks in any mix; on a task use the async_ functions, since the others block its
// worker. First come, first notified. There are no spurious wakes. A wait is a cancellation point: it throws `cancelled`.
// However it ends, the mutex is locked again before, which is no cancellation point. Who was notified does not throw, so
// that no notification is lost with him.
//
// May be destroyed as soon as all who waited have been notified, though they may not have returned. To destroy it while
// somebody waits ends the process.
class condition_variable {
 public:
  constexpr condition_variable() noexcept = default;
  ~condition_variable() {
    condition_.verify_left("weft: a condition_variable was destroyed while somebody waits for it");
  }

  // Never park. Anybody, whether he holds the mutex or not.
  void notify_one() noexcept { condition_.notify_one(); }
  void notify_all() noexcept { condition_.notify_all(); }

  // Unlocks, parks a fiber or blocks a plain thread until it is notified, locks again. operation_not_permitted if the
  // caller does not hold the mutex by this lock.
  void wait(std::unique_lock<mutex>& lock) { (void)wait_until(lock, never); }
  template <std::predicate Predicate> void wait(std::unique_lock<mutex>& lock, Predicate is_true) {
    while (!is_true()) wait(lock);
  }
  // Timeout: it was not notified by then. With a predicate: what that says last.
  std::cv_status wait_until(std::unique_lock<mutex>& lock, deadline until);
  std::cv_status wait_for(std::unique_lock<mutex>& lock, deadline from_now) { return wait_until(lock, from_now); }
  template <std::predicate Predicate>
  [[nodiscard]] bool wait_until(std::unique_lock<mutex>& lock, deadline until, Predicate is_true) {
    while (!is_true()) {
      if (wait_until(lock, until) == std::cv_status::timeout) return is_true();
    }
    return true;
  }
  template <std::predicate Predicate>
  [[nodiscard]] bool wait_for(std::unique_lock<mutex>& lock, deadline from_now, Predicate is_true) {
    return wait_until(lock, from_now, std::move(is_true));
  }

  // co_await: the same for tasks. The lock and the predicate have to live as long.
  [[nodiscard]] auto async_wait(std::unique_lock<mutex>& lock) { return detail::condition_operation(condition_, lock); }
  [[nodiscard]] auto async_wait_until(std::unique_lock<mutex>& lock, deadline until) {
    return detail::timed_condition_operation(condition_, lock, until);
  }
  template <std::predicate Predicate>
  [[nodiscard]] stackless::task<> async_wait(std::unique_lock<mutex>& lock, Predicate is_true) {
    while (!is_true()) co_await async_wait(lock);
  }
  template <std::predicate Predicate>
  [[nodiscard]] stackless::task<bool> async_wait_until(std::unique_lock<mutex>& lock, deadline until,
                                                       Predicate is_true) {
    while (!is_true()) {
      const std::cv_status how = co_await async_wait_until(lock, until);
      if (how == std::cv_status::timeout) co_return is_true();
    }
    co_return true;
  }

 private:
  friend struct detail::lot_access;
  detail::condition condition_;
};

}  // namespace weft
