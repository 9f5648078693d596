// SPDX-License-Identifier: BSL-1.0
// async_with(): something is acquired and given back by functions that may wait. Python's `async with`.
//
//   struct borrowed {
//     task<connection*> enter();                     // __aenter__
//     task<> leave(std::exception_ptr error);        // __aexit__; task<bool>: true, the error ends here
//   };
//   co_await async_with(borrowed(pool), [&](connection* c) -> task<> { co_await c->send(question); });
#pragma once

#include <concepts>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <weft/stackless/awaitable.hpp>
#include <weft/stackless/task.hpp>

namespace weft::stackless {

// Acquired by `co_await enter()`, given back by `co_await leave(error)`, null when the body has returned.
template <class Manager>
concept async_context = requires(Manager& manager, std::exception_ptr error) {
  { manager.enter() } -> awaitable;
  { manager.leave(error) } -> awaitable;
};

}  // namespace weft::stackless

namespace weft::detail {

template <class Manager> using entered_t = stackless::await_result_t<decltype(std::declval<Manager&>().enter())>;
template <class Manager>
using left_t = stackless::await_result_t<decltype(std::declval<Manager&>().leave(std::exception_ptr()))>;

template <class Body, class Entered> struct body_result { using type = std::invoke_result_t<Body&, Entered>; };
template <class Body> struct body_result<Body, void> { using type = std::invoke_result_t<Body&>; };
template <class Body, class Manager> using body_of_with = typename body_result<Body, entered_t<Manager>>::type;

// Acquires, and runs the body. `entered`: there is something to give back.
template <class Manager, class Body>
stackless::task<stackless::await_result_t<body_of_with<Body, Manager>>> enter_and_run(Manager& manager, Body& body,
                                                                                      bool& entered) {
  if constexpr (std::is_void_v<entered_t<Manager>>) {
    co_await manager.enter();
    entered = true;
    co_return co_await body();
  } else {
    entered_t<Manager> what = co_await manager.enter();
    entered = true;
    co_return co_await body(std::forward<entered_t<Manager>>(what));
  }
}

}  // namespace weft::detail

namespace weft::stackless {

// co_await: acquires, runs the task that `body(what was acquired)` makes, gives back whatever became of that, also if there
// was no such task because `body` threw, and returns or throws what it did. The error of `leave` replaces the body's. If
// `enter` throws there is nothing to give back.
// A cancellation that strikes in the body is the `error`; it was delivered, so that `leave` may wait.
template <async_context Manager, class Body>
auto async_with(Manager manager, Body body) -> detail::body_of_with<Body, Manager> {
  using result = await_result_t<detail::body_of_with<Body, Manager>>;
  constexpr bool may_swallow = !std::is_void_v<detail::left_t<Manager>>;
  static_assert(!may_swallow || std::is_void_v<result>,
                "a body that returns something cannot have its error swallowed: let leave() return nothing");
  std::exception_ptr error;
  bool entered = false;
  if constexpr (std::is_void_v<result>) {
    try {
      co_await detail::enter_and_run(manager, body, entered);
    } catch (...) {
      if (!entered) throw;
      error = std::current_exception();
    }
    if constexpr (may_swallow) {
      if (co_await manager.leave(error)) co_return;
    } else {
      co_await manager.leave(error);
    }
    if (error) std::rethrow_exception(error);
  } else {
    std::optional<result> value;
    try {
      value.emplace(co_await detail::enter_and_run(manager, body, entered));
    } catch (...) {
      if (!entered) throw;
      error = std::current_exception();
    }
    co_await manager.leave(error);
    if (error) std::rethrow_exception(error);
    co_return std::move(*value);
  }
}

}  // namespace weft::stackless
