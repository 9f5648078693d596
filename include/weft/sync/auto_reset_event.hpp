// SPDX-License-Identifier: BSL-1.0
// auto_reset_event: a signal that one waiter takes; set while nobody waits, it is kept for the next one.
#pragma once

#include <weft/base/deadline.hpp>
#include <weft/sync/semaphore.hpp>

namespace weft {

// In all else as event, which see. First come, first woken. A signal is lost neither with a waiter who was cancelled nor
// with one whose deadline passed.
class auto_reset_event {
 public:
  explicit constexpr auto_reset_event(bool is_set = false) : signal_(is_set ? 1 : 0) {}
  ~auto_reset_event() {
    signal_.lot_.verify_empty("weft: an auto_reset_event was destroyed while somebody waits for it");
  }

  // Lets pass the one who came first, or else the next who comes; setting it again meanwhile does nothing. Never parks.
  void set() noexcept { signal_.release_unless_free(); }
  // Takes a signal back that nobody has taken. Never parks.
  void reset() noexcept { (void)signal_.try_acquire(); }
  [[nodiscard]] bool is_set() const noexcept { return signal_.available() > 0; }

  // Until it is set; takes the signal. Parks a fiber, blocks a plain thread. A cancellation point: throws `cancelled`.
  void wait() { signal_.acquire(); }
  // False: it was not set by then.
  [[nodiscard]] bool wait_until(deadline until) { return signal_.try_acquire_until(until); }
  [[nodiscard]] bool wait_for(deadline from_now) { return wait_until(from_now); }

  // co_await: the same for tasks.
  [[nodiscard]] auto async_wait() noexcept { return signal_.async_acquire(); }
  [[nodiscard]] auto async_wait_until(deadline until) noexcept { return signal_.async_acquire_until(until); }

 private:
  friend struct detail::lot_access;
  semaphore signal_;
};

}  // namespace weft
