// SPDX-License-Identifier: BSL-1.0
// blocking(): a call that would block its thread, made on another one while the fiber waits.
#pragma once

#include <functional>
#include <memory>
#include <source_location>
#include <type_traits>
#include <utility>
#include <weft/detail/fiber/blocking_wait.hpp>

namespace weft {

// Calls `f()` on a thread of the runtime's pool, parks the fiber until it has ended, and returns or throws what it did.
// The pool grows to options::blocking_threads threads and shrinks when they idle; beyond that calls queue, first come,
// first served. `f` sees the caller's context variables, and the fiber-locals of the pool's thread.
//
// A cancellation point, also for deadlines: a call that has not begun is withdrawn, did not happen, and `cancelled` is
// thrown. One that has begun is waited for and its result or exception returned, so `f` may refer to the caller's
// variables. The end of the runtime waits for it, too, and says after a second where it was called.
//
// On a plain thread (a pool's thread is one), or directly in a stackless task, `f()` is just called. Throws
// std::system_error when there is no thread for it and none can be started.
template <class F>
auto blocking(F&& f, std::source_location where = std::source_location::current()) -> std::invoke_result_t<F> {
  if (!detail::blocks_elsewhere()) return std::invoke(std::forward<F>(f));
  detail::call_by_reference<F, std::invoke_result_t<F>> call(std::forward<F>(f), where);
  detail::wait_for_call(call);
  return call.result.take();
}

// The same for calls that may take forever. `f` must own all that it uses: it is moved or copied, and when the fiber is
// cancelled after the call has begun, `cancelled` is thrown at once although it did happen: the call goes on, and what
// it returns or throws ends on the pool's thread together with `f`.
template <class F>
auto blocking_abandonable(F&& f, std::source_location where = std::source_location::current())
    -> std::invoke_result_t<std::decay_t<F>> {
  using body = std::decay_t<F>;
  using call_type = detail::owning_call<body, std::invoke_result_t<body>>;
  if (!detail::blocks_elsewhere()) return std::invoke(body(std::forward<F>(f)));
  std::unique_ptr<detail::blocking_call> call = std::make_unique<call_type>(std::forward<F>(f), where);
  detail::wait_or_abandon(call);
  return static_cast<call_type&>(*call).result.take();
}

}  // namespace weft
