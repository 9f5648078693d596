// SPDX-License-Identifier: BSL-1.0
// latch: a count that falls to zero once, and then lets everybody pass; like std::latch.
#pragma once

#include <cstddef>
#include <weft/base/deadline.hpp>
#include <weft/detail/sync/countdown.hpp>
#include <weft/detail/sync/lot_operation.hpp>

namespace weft {

// Between fibers, plain threads and tasks in any mix; on a task use the async_ functions, since the others block its
// worker. What was done before count_down() is seen behind the wait that it ended.
//
// May be destroyed as soon as nobody waits; also by whoever was let through, since the last count_down() does not touch
// it any more. To destroy it while somebody waits ends the process.
class latch {
 public:
  static constexpr std::ptrdiff_t max() noexcept { return detail::countdown::max(); }

  // invalid_argument if negative or above max().
  explicit constexpr latch(std::ptrdiff_t expected) : count_(expected) {
    if (expected < 0 || expected > max()) refuse_expected();
  }
  ~latch() { count_.lot().verify_empty("weft: a latch was destroyed while somebody waits for it"); }

  // Never parks. Anybody. invalid_argument if `n` is negative or more than is left: then nothing has changed.
  void count_down(std::ptrdiff_t n = 1) {
    if (n < 0 || !count_.add(-n)) [[unlikely]]
      refuse_count_down();
  }
  // Whether it is zero.
  [[nodiscard]] bool try_wait() const noexcept { return count_.count() == 0; }

  // Until it is zero. Parks a fiber, blocks a plain thread. A cancellation point: throws `cancelled`.
  void wait() const { (void)wait_until(never); }
  // False: it was not zero by then. Else like wait().
  [[nodiscard]] bool wait_until(deadline until) const;
  [[nodiscard]] bool wait_for(deadline from_now) const { return wait_until(from_now); }
  // count_down(n) and wait() together: when that is cancelled, nothing has been counted down.
  void arrive_and_wait(std::ptrdiff_t n = 1);

  // co_await: the same for tasks.
  [[nodiscard]] auto async_wait() const noexcept { return detail::lot_wait_operation(count_.lot(), waiting_); }
  [[nodiscard]] auto async_wait_until(deadline until) const noexcept {
    return detail::lot_timed_operation(count_.lot(), waiting_, until);
  }
  [[nodiscard]] auto async_arrive_and_wait(std::ptrdiff_t n = 1) noexcept {
    return detail::lot_wait_operation(count_.lot(), arriving_, std::uint64_t(n));
  }

 private:
  friend struct detail::lot_access;
  static const detail::lot_rule waiting_, arriving_;

  [[noreturn, gnu::cold]] static void refuse_expected();
  [[noreturn, gnu::cold]] static void refuse_count_down();

  mutable detail::countdown count_;  // whoever waits leaves a place in it
};

}  // namespace weft
