// SPDX-License-Identifier: BSL-1.0
// wait_group: counts what is still to be done, and lets wait until it is nothing; like Go's sync.WaitGroup.
#pragma once

#include <cstddef>
#include <weft/base/deadline.hpp>
#include <weft/base/error.hpp>
#include <weft/detail/sync/countdown.hpp>
#include <weft/detail/sync/lot_operation.hpp>

namespace weft {

// Between fibers, plain threads and tasks in any mix; on a task use the async_ functions, since the others block its
// worker. What was done before done() is seen behind the wait that it ended. Can be used again when it has come to zero.
//
// May be destroyed as soon as nobody waits; also by whoever was woken, since the last done() does not touch it any more.
// To destroy it while somebody waits ends the process.
class wait_group {
 public:
  constexpr wait_group() noexcept = default;
  ~wait_group() { count_.lot().verify_empty("weft: a wait_group was destroyed while somebody waits for it"); }

  // `n` more, or fewer if it is negative; wakes all that wait when that makes zero. To be called before what it counts
  // can be done. Never parks. Anybody. invalid_argument if there would be fewer than none, value_too_large above max():
  // then nothing has changed.
  void add(std::ptrdiff_t n = 1) {
    if (!count_.add(n)) [[unlikely]]
      refuse(n);
  }
  // One fewer.
  void done() { add(-1); }
  // What is still to be done; it may be past when you read it.
  [[nodiscard]] std::ptrdiff_t count() const noexcept { return count_.count(); }
  static constexpr std::ptrdiff_t max() noexcept { return detail::countdown::max(); }

  // Until it is zero. Parks a fiber, blocks a plain thread. A cancellation point: throws `cancelled`.
  void wait() { (void)wait_until(never); }
  // False: it was not zero by then. Else like wait().
  [[nodiscard]] bool wait_until(deadline until);
  [[nodiscard]] bool wait_for(deadline from_now) { return wait_until(from_now); }

  // co_await: the same for tasks.
  [[nodiscard]] auto async_wait() noexcept { return detail::lot_wait_operation(count_.lot(), waiting_); }
  [[nodiscard]] auto async_wait_until(deadline until) noexcept {
    return detail::lot_timed_operation(count_.lot(), waiting_, until);
  }

 private:
  friend struct detail::lot_access;
  static const detail::lot_rule waiting_;

  [[noreturn, gnu::cold]] static void refuse(std::ptrdiff_t n);

  detail::countdown count_;
};

}  // namespace weft
