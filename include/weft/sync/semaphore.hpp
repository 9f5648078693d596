// SPDX-License-Identifier: BSL-1.0
// semaphore: a number of permits, like std::counting_semaphore.
#pragma once

#include <cstddef>
#include <limits>
#include <weft/base/deadline.hpp>
#include <weft/detail/sync/lot_operation.hpp>

namespace weft {

// Between fibers, plain threads and tasks in any mix; on a task use the async_ functions, since the others block its
// worker. First come, first served: a permit that is released while somebody waits is his at once, and nobody who comes
// later can take it. Whose wait is cancelled or too late has no permit; who has got one keeps it and is not cancelled.
//
// May be destroyed as soon as nobody waits; also by whoever has got a permit, since the release() that gave it does not
// touch the semaphore any more. To destroy it while somebody waits ends the process.
class semaphore {
 public:
  static constexpr std::ptrdiff_t max() noexcept { return std::numeric_limits<std::ptrdiff_t>::max() >> shift; }

  // invalid_argument for a negative number or one above max().
  explicit constexpr semaphore(std::ptrdiff_t permits) : lot_(word_of(permits)) {
    if (permits < 0 || permits > max()) refuse_permits();
  }
  ~semaphore() { lot_.verify_empty("weft: a semaphore was destroyed while somebody waits for it"); }

  // Takes one. Parks a fiber, blocks a plain thread, until there is one. A cancellation point: throws `cancelled`.
  void acquire() { (void)try_acquire_until(never); }
  // Never parks, no cancellation point. False only if there was none.
  [[nodiscard]] bool try_acquire() noexcept {
    auto seen = lot_.guess();
    while (seen >= word_of(1)) {
      if (seen & detail::parking_lot::locked) [[unlikely]]
        return try_acquire_slowly();
      if (lot_.try_change(seen, seen - word_of(1))) [[likely]]
        return true;
    }
    return false;
  }
  // False: there was none by then. Else like acquire(). One that is there is taken also when the deadline has passed.
  [[nodiscard]] bool try_acquire_until(deadline until);
  [[nodiscard]] bool try_acquire_for(deadline from_now) { return try_acquire_until(from_now); }
  [[nodiscard]] bool acquire_until(deadline until) { return try_acquire_until(until); }

  // Gives back `n`, or adds them. Never parks. Anybody. invalid_argument if negative, value_too_large if there would be
  // more than max(): then nothing has changed.
  void release(std::ptrdiff_t n = 1) {
    auto seen = lot_.guess();
    while (!(seen & detail::parking_lot::flags) && n >= 0 && n <= max() - permits_of(seen)) {
      if (lot_.try_change(seen, seen + word_of(n))) [[likely]]
        return;
    }
    release_slowly(n);
  }
  // How many there are; it may be past when you read it.
  [[nodiscard]] std::ptrdiff_t available() const noexcept { return permits_of(lot_.look()); }

  // co_await: the same for tasks.
  [[nodiscard]] auto async_acquire() noexcept { return detail::lot_wait_operation(lot_, acquiring_); }
  [[nodiscard]] auto async_acquire_until(deadline until) noexcept {
    return detail::lot_timed_operation(lot_, acquiring_, until);
  }

 private:
  friend struct detail::lot_access;
  friend class auto_reset_event;
  static constexpr unsigned shift = 2;
  static constexpr detail::parking_lot::word word_of(std::ptrdiff_t permits) noexcept {
    return detail::parking_lot::word(permits) << shift;
  }
  static constexpr std::ptrdiff_t permits_of(detail::parking_lot::word state) noexcept {
    return std::ptrdiff_t(state >> shift);
  }
  static const detail::lot_rule acquiring_;

  [[noreturn, gnu::cold]] static void refuse_permits();
  [[nodiscard]] bool try_acquire_slowly() noexcept;
  void release_slowly(std::ptrdiff_t n);
  void release_unless_free() noexcept;  // one, if there is none

  detail::parking_lot lot_;
};

static_assert(sizeof(semaphore) == 16);

}  // namespace weft
