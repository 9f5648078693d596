// SPDX-License-Identifier: BSL-1.0
// run(): a runtime for the time of one function.
#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>
#include <weft/base/error.hpp>
#include <weft/detail/context/runtime_library.hpp>
#include <weft/fiber/fiber.hpp>
#include <weft/fiber/runtime_spawn.hpp>
#include <weft/sched/runtime.hpp>

namespace weft {

namespace detail {

void refuse_run_on_fiber();
// After shutdown(). Throws what nobody could observe, and the main fiber's own error among it.
void throw_unobserved(runtime& of, std::exception_ptr main_error);

// What is neither given away nor can be copied is called where it is: its owner waits meanwhile.
template <class F>
using main_body = std::conditional_t<std::is_constructible_v<std::decay_t<F>, F>, F,
                                     std::reference_wrapper<std::remove_reference_t<F>>>;

// Shuts the runtime down when its main fiber has ended, and returns or throws what that did.
template <class R> R end_of_run(runtime& of, fiber<R> main) {
  std::exception_ptr error;
  if constexpr (std::is_void_v<R>) {
    try {
      main.join();
    } catch (...) {
      error = std::current_exception();
    }
    of.shutdown();
    throw_unobserved(of, std::move(error));
  } else if constexpr (std::is_reference_v<R>) {
    std::remove_reference_t<R>* value = nullptr;
    try {
      value = &main.join();
    } catch (...) {
      error = std::current_exception();
    }
    of.shutdown();
    throw_unobserved(of, std::move(error));
    return static_cast<R>(*value);
  } else {
    std::optional<std::remove_const_t<R>> value;
    try {
      value.emplace(main.join());
    } catch (...) {
      error = std::current_exception();
    }
    of.shutdown();
    throw_unobserved(of, std::move(error));
    return std::move(*value);
  }
}

}  // namespace detail

// Starts a runtime, runs `main_fiber` on it and returns what that returns or throws. When it has ended all other fibers
// are cancelled and waited for. An exception that nobody else could observe comes out of here, too (two or more as an
// exception_group). Any plain thread, which is blocked meanwhile and never becomes a worker; on a fiber or task
// operation_not_permitted. Throws what the constructor of runtime throws.
template <class F>
auto run(F&& main_fiber, options with = {}, std::source_location where = std::source_location::current())
    -> detail::result_of_body<detail::main_body<F>> {
  using body = detail::main_body<F>;
  detail::refuse_run_on_fiber();
  detail::verify_exception_state();
  runtime of(std::move(with));
  detail::will_take_errors(of);
  return detail::end_of_run(of, of.spawn({.name = "main"}, static_cast<body&&>(main_fiber), where));
}

}  // namespace weft
