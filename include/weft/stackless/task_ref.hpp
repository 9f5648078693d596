// SPDX-License-Identifier: BSL-1.0
// task_ref: refers to a running task without owning it; current_task() and all_tasks(). asyncio's functions of that name.
#pragma once

#include <cstdint>
#include <cstdio>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>
#include <weft/detail/stackless/task_core.hpp>

namespace weft::detail {
class future_driver;
}

namespace weft::stackless {

// Copies refer to the same task; when that has ended it is `done`, has no name, no stack, and nothing that is asked of it
// has an effect. All functions: any thread, unless they say otherwise.
class task_ref {
 public:
  task_ref() noexcept = default;
  task_ref(detail::task_core& core, std::uint64_t id) noexcept : core_(&core), id_(id) {}

  // Whether it refers to a task at all.
  [[nodiscard]] explicit operator bool() const noexcept { return core_ != nullptr; }
  // Unique in the process.
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] bool done() const noexcept;

  // `cancelled` is thrown where the task waits or, if it does not, where it would wait next; once for each cancel(). False
  // when it has ended. asyncio's Task.cancel().
  bool cancel() const noexcept;
  // How many cancel() there were, less those taken back by uncancel(), which returns what is left. Counting only: what a
  // timeout of one's own needs to tell its own cancellation from another's.
  [[nodiscard]] unsigned cancelling() const noexcept;
  unsigned uncancel() const noexcept;

  // Task-N unless it was given another.
  [[nodiscard]] std::string name() const;
  void set_name(std::string_view name) const;

  // Where each coroutine of the task stands, outermost first: the co_await it waits in, or where it began if it has not
  // come to one. At most `limit` of the innermost. Only on the worker that runs the task; elsewhere empty, since it may be
  // running. asyncio's get_stack().
  [[nodiscard]] std::vector<std::source_location> get_stack(std::size_t limit = std::size_t(-1)) const;
  // The same as text, a line each.
  void print_stack(std::FILE* to = stderr, std::size_t limit = std::size_t(-1)) const;

  [[nodiscard]] friend bool operator==(const task_ref& a, const task_ref& b) noexcept { return a.id_ == b.id_; }

 private:
  friend class detail::future_driver;
  [[nodiscard]] bool lock() const noexcept;
  // The cancellation of a task that waits for it, of that number.
  [[nodiscard]] bool hand_on(std::uint64_t number) const noexcept;

  detail::task_core* core_ = nullptr;
  std::uint64_t id_ = 0;
};

// The task that runs the caller; refers to none elsewhere, in callbacks and on fibers among others.
[[nodiscard]] task_ref current_task() noexcept;

// All tasks of the caller's runtime that have not ended. Throws loop_error outside a runtime.
[[nodiscard]] std::vector<task_ref> all_tasks();

}  // namespace weft::stackless
