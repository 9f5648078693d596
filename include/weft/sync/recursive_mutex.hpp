// SPDX-License-Identifier: BSL-1.0
// recursive_mutex: a mutex that whoever holds it may lock again, like std::recursive_timed_mutex.
#pragma once

#include <cstddef>
#include <weft/base/deadline.hpp>
#include <weft/stackless/task.hpp>
#include <weft/sync/mutex.hpp>

namespace weft {

// In all else as mutex, which see: who may use it, its policy, and when it may be destroyed.
class recursive_mutex {
 public:
  constexpr recursive_mutex() noexcept = default;

  // Has to be unlocked as often.
  void lock() {
    if (!lock_again()) {
      once_.lock();
      depth_ = 1;
    }
  }
  [[nodiscard]] bool try_lock() { return lock_again() || begin(once_.try_lock()); }
  // False: it was not free by then.
  [[nodiscard]] bool try_lock_until(deadline until) { return lock_again() || begin(once_.try_lock_until(until)); }
  [[nodiscard]] bool try_lock_for(deadline from_now) { return try_lock_until(from_now); }
  // Never parks. operation_not_permitted if the caller does not hold it.
  void unlock() {
    if (!once_.is_mine() || --depth_ == 0) once_.unlock();
  }

  // co_await: the same for tasks. They are tasks themselves, parts of the caller's.
  [[nodiscard]] stackless::task<> async_lock() {
    if (lock_again()) co_return;
    co_await once_.async_lock();
    depth_ = 1;
  }
  [[nodiscard]] stackless::task<bool> async_try_lock_until(deadline until) {
    co_return lock_again() || begin(co_await once_.async_try_lock_until(until));
  }

 private:
  friend struct detail::lot_access;
  [[nodiscard]] bool lock_again() {
    if (!once_.is_mine()) return false;
    ++depth_;
    return true;
  }
  [[nodiscard]] bool begin(bool got) noexcept {
    if (got) depth_ = 1;
    return got;
  }

  mutex once_;
  std::size_t depth_ = 0;  // belongs to the holder
};

}  // namespace weft
