// SPDX-License-Identifier: BSL-1.0
// recursive_mutex: a mutex that whoever holds it may lock again, like std::recursive_timed_mutex.
#pragma once

#include <cstddef>
#include <weft/base/deadline.hpp>
#include <weft/detail/sync/lock_operation.hpp>
#include <weft/sync/mutex.hpp>

namespace weft {

// In all else as mutex, which see: who may use it, its policy, and when it may be destroyed.
class recursive_mutex {
 public:
  constexpr recursive_mutex() noexcept = default;
  ~recursive_mutex() { once_.lot_.verify_empty("weft: a recursive_mutex was destroyed while somebody waits for it"); }

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

  // co_await: the same for tasks.
  [[nodiscard]] auto async_lock() noexcept { return lock_operation(*this, never); }
  [[nodiscard]] auto async_try_lock_until(deadline until) noexcept { return timed_lock_operation(*this, until); }

 private:
  friend struct detail::lot_access;

  // The mutex's own, unless the task holds it already.
  class [[nodiscard]] timed_lock_operation : public detail::timed_lock_operation {
   public:
    timed_lock_operation(recursive_mutex& what, deadline until) noexcept
        : detail::timed_lock_operation(what.once_.lot_, mutex::locking_, until), what_(what) {}
    [[nodiscard]] bool await_ready() {
      again_ = what_.lock_again();
      return again_ || detail::timed_lock_operation::await_ready();
    }
    [[nodiscard]] bool await_resume() const {
      return again_ || what_.begin(detail::timed_lock_operation::await_resume());
    }

   private:
    recursive_mutex& what_;
    bool again_ = false;
  };
  class [[nodiscard]] lock_operation : public timed_lock_operation {
   public:
    using timed_lock_operation::timed_lock_operation;
    void await_resume() const { (void)timed_lock_operation::await_resume(); }
  };

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
