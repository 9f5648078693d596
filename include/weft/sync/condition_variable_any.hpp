// SPDX-License-Identifier: BSL-1.0
// condition_variable_any: a condition_variable for every lock that has lock() and unlock().
#pragma once

#include <concepts>
#include <condition_variable>
#include <utility>
#include <weft/base/deadline.hpp>
#include <weft/detail/sync/condition.hpp>

namespace weft {

// As condition_variable, which see, for fibers and plain threads. The lock must be one whose lock() parks only fibers if
// fibers wait: weft's own, or a std::unique_lock or std::shared_lock of them. An unlock() that throws ends the process.
class condition_variable_any {
 public:
  constexpr condition_variable_any() noexcept = default;
  ~condition_variable_any() {
    condition_.lot().verify_empty("weft: a condition_variable_any was destroyed while somebody waits for it");
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

 private:
  friend struct detail::lot_access;
  detail::condition condition_;
};

}  // namespace weft
