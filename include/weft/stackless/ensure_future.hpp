// SPDX-License-Identifier: BSL-1.0
// ensure_future(): a future of whatever can be awaited; shield() and to_thread(). asyncio's functions of those names.
#pragma once

#include <concepts>
#include <source_location>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>
#include <weft/base/error.hpp>
#include <weft/detail/stackless/driven_future.hpp>
#include <weft/detail/stackless/executor_call.hpp>
#include <weft/stackless/awaitable.hpp>
#include <weft/stackless/future.hpp>

namespace weft::detail {

template <class What> inline constexpr bool is_task = false;
template <class T> inline constexpr bool is_task<stackless::task<T>> = true;
template <class What> inline constexpr bool is_handle = false;
template <class T> inline constexpr bool is_handle<stackless::task_handle<T>> = true;
template <class What>
concept is_future = std::derived_from<std::remove_cvref_t<What>, stackless::any_future>;

// The end of a task that another has created. Only the runtime's end cancels who waits here, and that cancels both.
template <class T> stackless::task<T> adopt(stackless::task_handle<T> whom) {
  for (;;) {
    try {
      co_return co_await whom;
    } catch (const cancelled&) {
    } catch (...) {
      if (whom.joinable() || !whom.cancelled()) throw;
      throw cancelled();
    }
  }
}

template <class What> stackless::task<stackless::await_result_t<What>> adopt_awaitable(What what) {
  co_return co_await std::forward<What>(what);
}

}  // namespace weft::detail

namespace weft::stackless {

// A future stays what it is. A task is started on the running loop, behind what is ready, with all that follows from
// that; a task_handle is given up for it (the future stands for that task: its name, its cancellation); anything else is
// awaited by a task made for it. Throws loop_error when no loop is running, invalid_argument for an empty task.
template <class What>
requires detail::is_future<What>
auto ensure_future(What&& what, std::source_location = {}) {
  return std::remove_cvref_t<What>(std::forward<What>(what));
}
template <class T>
task_future<T> ensure_future(task<T> what, std::source_location where = std::source_location::current()) {
  return task_future<T>(detail::drive(detail::running_loop(), std::move(what), where));
}
template <class T>
task_future<T> ensure_future(task_handle<T> what, std::source_location where = std::source_location::current()) {
  const task_ref whom = what.ref();
  return task_future<T>(detail::drive(detail::running_loop(), detail::adopt(std::move(what)), where, {}, whom));
}
template <awaitable What>
requires(!detail::is_future<What> && !detail::is_task<std::remove_cvref_t<What>> &&
         !detail::is_handle<std::remove_cvref_t<What>> &&
         std::move_constructible<What>) auto ensure_future(What&& what, std::source_location where =
                                                                            std::source_location::current()) {
  return ensure_future(detail::adopt_awaitable<What>(std::forward<What>(what)), where);
}

// The result type of the future that ensure_future() makes of it.
template <class What>
using future_result_t = typename decltype(ensure_future(std::declval<What>(), std::source_location()))::result_type;

}  // namespace weft::stackless

namespace weft::detail {

template <class What>
std::vector<stackless::future<stackless::future_result_t<What>>> all_futures(std::vector<What> what) {
  std::vector<stackless::future<stackless::future_result_t<What>>> all;
  all.reserve(what.size());
  for (auto& each : what) all.push_back(stackless::ensure_future(std::move(each), std::source_location::current()));
  return all;
}

}  // namespace weft::detail

namespace weft::stackless {

// co_await: like the co_await of that future, but when the caller is cancelled it leaves at once with `cancelled`, and
// what it waited for goes on. A task is started when this is called.
template <class T> class [[nodiscard]] shielded {
 public:
  explicit shielded(future<T> what) noexcept : what_(std::move(what)) {}
  [[nodiscard]] auto awaited_by(detail::task_core& self) && { return std::move(what_).awaited_alone_by(self); }

 private:
  future<T> what_;
};
template <class What> shielded<future_result_t<What>> shield(What&& what) {
  return shielded<future_result_t<What>>(ensure_future(std::forward<What>(what), std::source_location::current()));
}

// Calls `f` on a thread of the blocking pool, of the running loop. Python's asyncio.to_thread: starts at once.
template <std::invocable F> auto to_thread(F&& f, std::source_location where = std::source_location::current()) {
  using result = std::invoke_result_t<std::decay_t<F>>;
  detail::loop_core& on = detail::running_loop();
  future<result> made(on);
  detail::submit(
      on, std::make_unique<detail::executor_call<std::decay_t<F>, result>>(std::forward<F>(f), where, made.core()));
  return made;
}

}  // namespace weft::stackless
