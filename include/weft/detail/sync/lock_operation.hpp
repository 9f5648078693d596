// SPDX-License-Identifier: BSL-1.0
// co_await of a lock: the wait node's note says who waits, which is known when the operation is awaited.
#pragma once

#include <cstdint>
#include <weft/detail/sync/lot_operation.hpp>

namespace weft::detail {

class lock_step : public lot_operation {
 protected:
  lock_step(parking_lot& lot, const lot_rule& rule, deadline until, std::uint64_t flags) noexcept
      : lot_operation(&identify_and_proceed, lot, rule, flags, until) {}
  lock_step(const lock_step&) = delete;  // nor moved: a task that awaited it for another would hold the lock

 private:
  static bool identify_and_proceed(operation& o) noexcept {
    auto& me = static_cast<lock_step&>(o);
    if (me.is_fresh()) me.node().note |= reinterpret_cast<std::uintptr_t>(&me.self());  // later others may read it
    return proceed(me);
  }
};

// co_await: nothing. `flags` stand beside the task's address in the note.
class [[nodiscard]] lock_operation : public lock_step {
 public:
  lock_operation(parking_lot& lot, const lot_rule& rule, std::uint64_t flags = 0) noexcept
      : lock_step(lot, rule, never, flags) {}
  void await_resume() const { (void)result(); }
};

// co_await: whether it was locked in time.
class [[nodiscard]] timed_lock_operation : public lock_step {
 public:
  timed_lock_operation(parking_lot& lot, const lot_rule& rule, deadline until, std::uint64_t flags = 0) noexcept
      : lock_step(lot, rule, until, flags) {}
  [[nodiscard]] bool await_resume() const { return result(); }
};

}  // namespace weft::detail
