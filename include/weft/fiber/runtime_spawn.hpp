// SPDX-License-Identifier: BSL-1.0
// How plain threads spawn fibers: runtime::spawn() and runtime::go().
#pragma once

#include <source_location>
#include <utility>
#include <weft/fiber/fiber.hpp>
#include <weft/sched/runtime.hpp>

namespace weft {

template <class F> auto runtime::spawn(F&& body, std::source_location where) {
  const admission admitted(*this);
  return detail::launch_owned({.of = this}, nullptr, std::forward<F>(body), where);
}
template <class F> auto runtime::spawn(const spawn_options& with, F&& body, std::source_location where) {
  const admission admitted(*this);
  return detail::launch_owned({.of = this}, &with, std::forward<F>(body), where);
}
template <class F> void runtime::go(F&& body, std::source_location where) {
  const admission admitted(*this);
  detail::start(detail::launch({.of = this, .detached = true, .inherits_deadline = false}, nullptr,
                               std::forward<F>(body), where));
}
template <class F> void runtime::go(const spawn_options& with, F&& body, std::source_location where) {
  const admission admitted(*this);
  detail::start(
      detail::launch({.of = this, .detached = true, .inherits_deadline = false}, &with, std::forward<F>(body), where));
}

}  // namespace weft
