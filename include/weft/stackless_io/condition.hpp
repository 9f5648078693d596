// SPDX-License-Identifier: BSL-1.0
// condition: tasks wait until others say that something has changed. asyncio.Condition.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <weft/stackless/future.hpp>
#include <weft/stackless/task.hpp>
#include <weft/stackless_io/lock.hpp>

namespace weft::stackless {

class condition {
 public:
  // With a lock of its own, or one that others use, too.
  condition() : own_(std::make_unique<lock>()), lock_(*own_) {}
  explicit condition(lock& with) : lock_(with) {}

  [[nodiscard]] task<> acquire() { return lock_.acquire(); }
  [[nodiscard]] task<held<lock>> scoped() { return lock_.scoped(); }
  [[nodiscard]] bool locked() const noexcept { return lock_.locked(); }
  void release() { lock_.release(); }

  // co_await: gives the lock back, waits to be notified, and takes it again; that also when it throws `cancelled`. Throws
  // invalid_state when the lock is not locked.
  [[nodiscard]] task<> wait();
  // The same until `is_true()`, and gives what that said last.
  template <class Predicate>
  [[nodiscard]] task<std::decay_t<std::invoke_result_t<Predicate&>>> wait_for(Predicate is_true) {
    for (;;) {
      auto said = is_true();
      if (said) co_return said;
      co_await wait();
    }
  }
  // The first `count` that wait will go on once they get the lock. Throws invalid_state when it is not locked.
  void notify(std::size_t count = 1);
  void notify_all() { notify(std::size_t(-1)); }

 private:
  void require_lock() const;
  void wake(std::size_t count);

  std::unique_ptr<lock> own_;
  lock& lock_;
  std::mutex waiting_lock_;
  std::deque<future<>> waiting_;  // under `waiting_lock_`
};

}  // namespace weft::stackless

namespace weft::detail {

// False: it was cancelled.
inline bool try_settle(const stackless::future<>& what) {
  return static_cast<loop_future_of<void>&>(what.core()).try_set();
}

}  // namespace weft::detail
