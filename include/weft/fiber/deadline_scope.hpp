// SPDX-License-Identifier: BSL-1.0
// Time limits around blocks of code: with_deadline(), with_timeout(), try_for(), and shield() against those outside.
#pragma once

#include <chrono>
#include <optional>
#include <type_traits>
#include <utility>
#include <weft/base/deadline.hpp>
#include <weft/base/error.hpp>
#include <weft/detail/fiber/cancel_frame.hpp>

namespace weft {

// Runs `body`; when `until` passes, its cancellation points throw `cancelled`, and if that leaves the body this throws
// timed_out. Whatever else leaves the body, a result or an exception, wins. An earlier deadline or a cancellation from
// outside passes through as `cancelled`. Fiber only (else operation_not_permitted); parks if the body does.
template <class F> auto with_deadline(deadline until, F&& body) -> std::invoke_result_t<F> {
  const detail::cancel_frame frame(detail::cancel_frame::kind::deadline, until);
  try {
    return std::forward<F>(body)();
  } catch (const cancelled&) {
    if (!frame.cut_short()) throw;
  }
  frame.throw_timed_out();
}

template <class F> auto with_timeout(deadline from_now, F&& body) -> std::invoke_result_t<F> {
  return with_deadline(from_now, std::forward<F>(body));
}

// The same, but says false instead of throwing timed_out.
template <class F> [[nodiscard]] bool try_for(deadline from_now, F&& body) {
  static_assert(std::is_void_v<std::invoke_result_t<F>>, "try_for() runs a function that returns nothing");
  const detail::cancel_frame frame(detail::cancel_frame::kind::deadline, from_now);
  try {
    std::forward<F>(body)();
    return true;
  } catch (const cancelled&) {
    if (!frame.cut_short()) throw;
  }
  return false;
}

// Runs `body` out of reach of outer cancellations and deadlines; they take effect again behind it. Fiber only.
template <class F> auto shield(F&& body) -> std::invoke_result_t<F> {
  const detail::cancel_frame frame(detail::cancel_frame::kind::shield, never);
  return std::forward<F>(body)();
}

}  // namespace weft
