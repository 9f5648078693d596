// SPDX-License-Identifier: BSL-1.0
// The bridges between the two colours: a fiber awaits a task, a task awaits a fiber.
//
// Everything that waits, waits behind a claim; so it makes no difference to what is waited for whether a stack or a frame
// waits. What makes a function stackless is co_await in it and in all its callers; here is where that ends: a fiber may
// call await() at any depth of ordinary functions. The primitives need no bridge: they have both forms.
#pragma once

#include <exception>
#include <source_location>
#include <type_traits>
#include <utility>
#include <weft/base/error.hpp>
#include <weft/detail/stackless_io/task_end.hpp>
#include <weft/fiber/fiber.hpp>
#include <weft/stackless/ensure_future.hpp>
#include <weft/stackless/future.hpp>
#include <weft/stackless/task.hpp>
#include <weft/stackless/task_handle.hpp>
#include <weft/sync/when.hpp>

namespace weft {

// Waits for the end of a task that was created before: its result, or what it threw; operation_canceled if it was
// cancelled. The handle is empty then. Parks a fiber, blocks a plain thread (and, in a task, the worker: co_await it).
// Throws `cancelled` if the fiber is, invalid_argument without a task: the handle stays joinable.
template <class T> T await(stackless::task_handle<T>& whom) {
  detail::wait_for_end_of(detail::task_access::verified_core_of(whom));
  return detail::task_access::take(whom);
}
template <class T> T await(stackless::task_handle<T>&& whom) { return await(whom); }

// Runs it as a task of its own, on the caller's runtime, and waits as above. If the fiber is cancelled, so is the task;
// its end is waited for, then `cancelled` is thrown. operation_not_permitted outside a runtime.
template <class T> T await(stackless::task<T> what, std::source_location where = std::source_location::current()) {
  auto running = stackless::create_task(std::move(what), where);
  try {
    detail::wait_for_end_of(detail::task_access::verified_core_of(running));
  } catch (const cancelled&) {
    running.cancel();
    detail::wait_deaf_for_end_of(detail::task_access::verified_core_of(running));
    detail::task_access::give_up(running);
    throw;
  }
  return detail::task_access::take(running);
}

// Waits until it is done; result, or what it failed with, or operation_canceled. Parks a fiber, blocks a plain thread.
// Throws `cancelled` if the fiber is; the future is not cancelled with it.
template <class T> decltype(auto) await(const stackless::future<T>& what) {
  detail::wait_until_done(what.core());
  return what.result();
}

namespace detail {

template <class T> stackless::task<T> await_own(fiber<T> mine) {
  auto end = when_all(mine);
  std::exception_ptr cancellation;
  for (bool ended = false; !ended;) {
    try {
      co_await end.async_wait();
      ended = true;
    } catch (const cancelled&) {
      cancellation = std::current_exception();
      mine.cancel();
    }
  }
  if (cancellation) std::rethrow_exception(cancellation);
  co_return mine.join();
}
}  // namespace detail

}  // namespace weft

namespace weft::stackless {

// co_await: waits for the end of a fiber and gives what join() does; the handle is empty then. Throws `cancelled` if the
// task is. Then a named fiber goes on, and its handle stays joinable; an unnamed one is cancelled and its end waited for.
// A task that lets go of a handle whose fiber has not ended blocks its worker until then, and for ever if the fiber needs
// that worker: cancel it, and co_await its end.
template <class T> task<T> from(fiber<T>& whom) {
  auto end = when_all(whom);
  co_await end.async_wait();
  co_return whom.join();
}
template <class T> task<T> from(fiber<T>&& whom) { return weft::detail::await_own(std::move(whom)); }

}  // namespace weft::stackless
