// SPDX-License-Identifier: BSL-1.0
// What call_soon() and call_later() of an event loop return: asyncio's Handle and TimerHandle.
#pragma once

#include <utility>
#include <weft/base/deadline.hpp>
#include <weft/detail/stackless/callback.hpp>

namespace weft::detail {

// The closure goes at once on the loop's worker, elsewhere when its turn comes; a timer's also once there are many of them.
void cancel(callback& what) noexcept;
void cancel(timed_callback& what) noexcept;

}  // namespace weft::detail

namespace weft::stackless {

// Refers to a scheduled callback; dropping it changes nothing. Copies refer to the same.
template <class Callback> class basic_callback_handle {
 public:
  basic_callback_handle() noexcept = default;
  explicit basic_callback_handle(detail::counted_pointer<Callback> what) noexcept : what_(std::move(what)) {}

  // It will not be called, unless it has been or is being called. Any thread. Does not wait.
  void cancel() const noexcept {
    if (what_) detail::cancel(*what_);
  }
  // Whether cancel() was called. Any thread.
  [[nodiscard]] bool cancelled() const noexcept { return what_ && what_->is_cancelled(); }

  // When it is due.
  [[nodiscard]] deadline::clock::time_point when()
      const noexcept requires std::same_as<Callback, detail::timed_callback> {
    return deadline::from_nanoseconds(what_ ? what_->at : 0).time_point();
  }

 private:
  detail::counted_pointer<Callback> what_;
};

using callback_handle = basic_callback_handle<detail::callback>;
using timer_handle = basic_callback_handle<detail::timed_callback>;

}  // namespace weft::stackless
