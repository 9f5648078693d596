// SPDX-License-Identifier: BSL-1.0
// How several futures are waited for: each has a callback, and the last that matters settles a future of its own. So n
// futures cost n callbacks, however often the waiting task looks.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <source_location>
#include <span>
#include <utility>
#include <vector>
#include <weft/base/deadline.hpp>
#include <weft/stackless/callback_handle.hpp>
#include <weft/stackless/future.hpp>
#include <weft/stackless/task.hpp>

namespace weft::stackless {

// When wait() returns: asyncio's constants.
enum class return_when : std::uint8_t {
  first_completed,  // when any is done, cancelled or not
  first_exception,  // when any has failed; cancelled is not failed. Else like all_completed
  all_completed
};

}  // namespace weft::stackless

namespace weft::detail {

// A timer of the running loop that goes off also while that is being closed. Throws loop_error when there is none,
// bad_alloc.
template <class F> [[nodiscard]] stackless::timer_handle alarm_in_any_case(deadline when, F&& f) {
  const auto made =
      make_callback<timed_callback>(std::forward<F>(f), std::source_location::current(), when.to_nanoseconds());
  made->in_any_case = true;
  if (when.passed())
    schedule(running_loop(), *made);
  else
    schedule_at(running_loop(), *made);
  return stackless::timer_handle(made);
}

// While it lives, the futures have its callbacks.
class future_wait {
 public:
  // When any has failed or been cancelled.
  static constexpr auto first_unsuccessful = stackless::return_when(3);

  // Of the running loop. Throws loop_error when there is none, bad_alloc.
  future_wait(std::span<const stackless::any_future> what, stackless::return_when when, deadline until);
  future_wait(const future_wait&) = delete;
  future_wait& operator=(const future_wait&) = delete;
  ~future_wait();

  // Done when there is nothing more to wait for, or the time has come.
  [[nodiscard]] const stackless::future<>& over() const noexcept;
  // When `cancelled` has left the co_await of that: its number.
  [[nodiscard]] std::uint64_t cancellation() const noexcept;
  // With `first_unsuccessful`: the index of that one, -1 if there is none so far.
  [[nodiscard]] std::ptrdiff_t unsuccessful() const noexcept;

 private:
  struct end;
  struct state;
  const std::vector<stackless::any_future> what_;
  std::vector<std::uint64_t> callbacks_;
  std::shared_ptr<state> state_;
  stackless::timer_handle alarm_;
};

// Says of futures, by their index, which are done, first done first. While it lives, they have its callbacks.
class done_queue {
 public:
  // Of the running loop. Throws loop_error when there is none, bad_alloc.
  done_queue(std::vector<stackless::any_future> what, deadline until);
  done_queue(const done_queue&) = delete;
  done_queue& operator=(const done_queue&) = delete;
  ~done_queue();

  // -1: none yet, then `next()` is to be awaited.
  [[nodiscard]] std::ptrdiff_t pop();
  [[nodiscard]] stackless::future<> next() const;
  [[nodiscard]] bool is_late() const noexcept;

 private:
  struct state;
  const std::vector<stackless::any_future> what_;
  std::vector<std::uint64_t> callbacks_;
  std::shared_ptr<state> state_;
  stackless::timer_handle alarm_;
};

// co_await: cancels all that are not done, and waits until they are. A cancellation of the caller meanwhile is handed on to
// those that are left, and noted in `is_cancelled`; one that was noted before counts, too, and has that number. False: one
// of them came when there was nobody left, and so is the caller's alone.
[[nodiscard]] stackless::task<bool> end_all(std::vector<stackless::any_future> what, bool& is_cancelled,
                                            std::uint64_t cancellation);

// Not in the coroutines: g++ 12 has trouble with initializer lists there.
[[nodiscard]] inline std::vector<stackless::any_future> just(const stackless::any_future& one) { return {one}; }

[[nodiscard]] bool has_failed(const stackless::any_future& what);
// Nobody else will ask for its exception.
void forget_exception(const stackless::any_future& what);
[[noreturn]] void throw_nothing_to_wait_for();

}  // namespace weft::detail
