// SPDX-License-Identifier: BSL-1.0
// condition_variable_any: a condition_variable for every lock that has lock() and unlock().
#pragma once

#include <concepts>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <utility>
#include <weft/base/deadline.hpp>
#include <weft/base/error.hpp>
#include <weft/detail/sync/condition.hpp>
#include <weft/detail/sync/lot_operation.hpp>
#include <weft/stackless/task.hpp>

namespace weft::detail {

template <class Lock>
concept async_lockable = requires(Lock& lock) {
  lock.async_lock();
  lock.unlock();
};

}  // namespace weft::detail

namespace weft {

// As condition_variable, which see, for fibers and plain threads. If fibers wait, the lock must be one that parks them: weft's
// own, a std::unique_lock or std::shared_lock of them, or what is made of such; its unlock() may wait, too. An unlock() that
// throws ends the process.
class condition_variable_any {
 public:
  constexpr condition_variable_any() noexcept = default;
  ~condition_variable_any() {
    condition_.verify_left("weft: a condition_variable_any was destroyed while somebody waits for it");
  }

  // Never park. Anybody.
  void notify_one() noexcept { condition_.notify_one(); }
  void notify_all() noexcept { condition_.notify_all(); }

  // Unlocks, waits until it is notified, locks again. A cancellation point: throws `cancelled`, when it is locked again.
  template <class Lock> void wait(Lock& lock) { (void)detail::wait_on(condition_, lock, never); }
  template <class Lock, std::predicate Predicate> void wait(Lock& lock, Predicate is_true) {
    while (!is_true()) wait(lock);
  }
  // Timeout: it was not notified by then. With a predicate: what that says last.
  template <class Lock> std::cv_status wait_until(Lock& lock, deadline until) {
    return detail::wait_on(condition_, lock, until) ? std::cv_status::no_timeout : std::cv_status::timeout;
  }
  template <class Lock> std::cv_status wait_for(Lock& lock, deadline from_now) { return wait_until(lock, from_now); }
  template <class Lock, std::predicate Predicate>
  [[nodiscard]] bool wait_until(Lock& lock, deadline until, Predicate is_true) {
    while (!is_true()) {
      if (wait_until(lock, until) == std::cv_status::timeout) return is_true();
    }
    return true;
  }
  template <class Lock, std::predicate Predicate>
  [[nodiscard]] bool wait_for(Lock& lock, deadline from_now, Predicate is_true) {
    return wait_until(lock, from_now, std::move(is_true));
  }

  // co_await: the same for tasks, with weft's mutexes. The lock and the predicate have to live as long.
  template <detail::async_lockable Lock> [[nodiscard]] stackless::task<> async_wait(Lock& lock) {
    (void)co_await async_wait_until(lock, never);
  }
  template <detail::async_lockable Lock, std::predicate Predicate>
  [[nodiscard]] stackless::task<> async_wait(Lock& lock, Predicate is_true) {
    while (!is_true()) co_await async_wait(lock);
  }
  template <detail::async_lockable Lock>
  [[nodiscard]] stackless::task<std::cv_status> async_wait_until(Lock& lock, deadline until) {
    detail::held_lock held{&lock, [](void* l) { static_cast<Lock*>(l)->unlock(); }};
    const auto note = reinterpret_cast<std::uintptr_t>(&held);
    std::exception_ptr cancellation;
    bool notified = false;
    try {
      notified = co_await detail::lot_timed_operation(condition_.lot(), detail::condition::waiting, until, note);
    } catch (const cancelled&) {
      cancellation = std::current_exception();
    }
    if (held.released) co_await lock.async_lock();
    if (cancellation) std::rethrow_exception(cancellation);
    co_return notified ? std::cv_status::no_timeout : std::cv_status::timeout;
  }
  template <detail::async_lockable Lock, std::predicate Predicate>
  [[nodiscard]] stackless::task<bool> async_wait_until(Lock& lock, deadline until, Predicate is_true) {
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
