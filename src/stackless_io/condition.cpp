// SPDX-License-Identifier: BSL-1.0
#include <weft/stackless_io/condition.hpp>

#include <algorithm>
#include <optional>
#include <weft/base/error.hpp>

namespace weft::stackless {

void condition::require_lock() const {
  if (!lock_.locked()) detail::throw_invalid_state("weft::stackless: a condition is used without its lock");
}

task<> condition::wait() {
  require_lock();
  const future<> told;
  {
    const std::lock_guard guard(waiting_lock_);
    waiting_.push_back(told);
  }
  lock_.release();
  bool is_cancelled = false;
  try {
    co_await told;
  } catch (const cancelled&) {
    is_cancelled = true;
  }
  if (is_cancelled) {
    const std::lock_guard guard(waiting_lock_);
    std::erase(waiting_, told);
  }
  for (bool locked = false; !locked;) {
    try {
      co_await lock_.acquire();
      locked = true;
    } catch (const cancelled&) {
      is_cancelled = true;  // thrown when we have the lock
    }
  }
  if (!is_cancelled) co_return;
  if (!told.cancelled()) wake(1);  // we were notified, and do not go on: another may
  throw cancelled();
}

void condition::notify(std::size_t count) {
  require_lock();
  wake(count);
}

void condition::wake(std::size_t count) {
  for (; count > 0; --count) {
    std::optional<future<>> next;
    {
      const std::lock_guard guard(waiting_lock_);
      if (waiting_.empty()) return;
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    if (!detail::try_settle(*next)) ++count;  // it was cancelled
  }
}

}  // namespace weft::stackless
