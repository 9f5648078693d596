// SPDX-License-Identifier: BSL-1.0
// with_task_group(): tasks that end before it does. asyncio's TaskGroup.
//
//   co_await with_task_group([&](task_group& group) -> task<> {
//     auto first = group.create_task(fetch(here));
//     auto second = group.create_task(fetch(there));
//     co_return;                                          // waits for both, also when one fails
//   });
#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <source_location>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>
#include <weft/base/error.hpp>
#include <weft/stackless/awaitable.hpp>
#include <weft/stackless/ensure_future.hpp>
#include <weft/stackless/event_loop.hpp>

namespace weft::stackless {

class task_group {
 public:
  task_group(const task_group&) = delete;
  task_group& operator=(const task_group&) = delete;

  // Runs it on the group's loop, from the body and from its tasks, also while the group waits for them. Throws loop_error
  // when the group is ending because of an error or a cancellation (asyncio refuses, too), and on another worker.
  template <class T>
  task_future<T> create_task(task<T> what, std::string_view name = {},
                             std::source_location where = std::source_location::current()) {
    require_open();
    task_future<T> made(detail::drive(loop_, std::move(what), where, name));
    admit(made);
    return made;
  }

 private:
  template <class Body> friend auto with_task_group(Body body) -> std::invoke_result_t<Body&, task_group&>;

  task_group();
  void require_open() const;
  void admit(const any_future& child);
  void ended(const any_future& child);
  void abort();
  // After the body, which has left by `error`, null when it returned: waits for all, and throws what the group comes to.
  task<> finish(std::exception_ptr error, bool is_cancelled);

  detail::loop_core& loop_;
  const task_ref parent_;
  std::vector<any_future> children_;
  std::size_t unfinished_ = 0;
  std::vector<std::exception_ptr> errors_;
  std::optional<future<>> all_ended_;  // while it waits
  bool aborting_ = false;
  bool parent_cancelled_ = false;  // by the group
};

// co_await: runs the task that `body(group)` makes, waits until all tasks of the group have ended, and returns what the
// body did. The body's own variables are gone by then, unlike those of Python's block: what the tasks refer to stands
// outside. The first that fails, of them or the body, cancels all others; then an exception_group of all that failed is
// thrown, also if that is one. `cancelled` tasks are no failure. When the caller is cancelled, so are they; if some fail
// then, the group is thrown, and the cancellation strikes at the caller's next wait.
template <class Body> auto with_task_group(Body body) -> std::invoke_result_t<Body&, task_group&> {
  using result = await_result_t<std::invoke_result_t<Body&, task_group&>>;
  task_group group;
  std::optional<std::conditional_t<std::is_void_v<result>, char, result>> value;
  std::exception_ptr error;
  bool is_cancelled = false;
  try {
    if constexpr (std::is_void_v<result>)
      co_await body(group);
    else
      value.emplace(co_await body(group));
  } catch (const cancelled&) {
    is_cancelled = true;
  } catch (...) {
    error = std::current_exception();
  }
  co_await group.finish(std::move(error), is_cancelled);
  if constexpr (!std::is_void_v<result>) co_return std::move(*value);
}

}  // namespace weft::stackless
