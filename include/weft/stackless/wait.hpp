// SPDX-License-Identifier: BSL-1.0
// wait(), wait_for(), timeout() and as_completed(): asyncio's functions of those names.
#pragma once

#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>
#include <weft/base/deadline.hpp>
#include <weft/base/error.hpp>
#include <weft/detail/stackless/future_wait.hpp>
#include <weft/stackless/async_generator.hpp>
#include <weft/stackless/ensure_future.hpp>
#include <weft/stackless/event_loop.hpp>

namespace weft::stackless {

template <class Future> struct waited {
  std::vector<Future> done, pending;  // each in the order of what was given
};

// co_await: waits until some or all are done, or the time has come, which is no error. Cancels nothing, not even when the
// caller is cancelled. Throws invalid_argument when there are none.
template <std::derived_from<any_future> Future>
task<waited<Future>> wait(std::vector<Future> what, return_when when = return_when::all_completed,
                          deadline until = never) {
  if (what.empty()) detail::throw_nothing_to_wait_for();
  {
    const std::vector<any_future> all(what.begin(), what.end());
    const detail::future_wait waiting(all, when, until);
    co_await waiting.over();
  }
  waited<Future> result;
  for (Future& each : what) (each.done() ? result.done : result.pending).push_back(std::move(each));
  co_return result;
}

// The same for tasks that were created: the handles are given up for futures that stand for them. As in asyncio, what has
// not been started is not taken: nobody could tell which of the futures is whose.
template <class T>
task<waited<future<T>>> wait(std::vector<task_handle<T>> what, return_when when = return_when::all_completed,
                             deadline until = never) {
  return wait(detail::all_futures(std::move(what)), when, until);
}

// co_await: its result, or what it throws. When the time has come first it is cancelled, its end is waited for, and
// `timed_out` is thrown; unless it makes a result of its cancellation. When the caller is cancelled, so is what it waits
// for, each time, and its end is waited for, at any time (Python's would cancel it again when that has come); is it done
// already, `cancelled` is thrown and its result is gone.
template <awaitable What> task<future_result_t<What>> wait_for(What what, deadline until) {
  auto it = ensure_future(std::forward<What>(what));
  bool is_cancelled = false;
  std::uint64_t cancellation = 0;
  if (!it.done() && !until.passed()) {
    const any_future one = it;
    const detail::future_wait waiting({&one, 1}, return_when::all_completed, until);
    try {
      co_await waiting.over();
    } catch (const cancelled&) {
      is_cancelled = true;
      cancellation = waiting.cancellation();
    }
  }
  if (is_cancelled || !it.done()) {
    const bool is_heard = co_await detail::end_all(detail::just(it), is_cancelled, cancellation);
    if (!is_heard || (is_cancelled && it.cancelled())) throw cancelled();
    if (it.cancelled()) throw timed_out("weft::stackless: wait_for() has waited long enough");
  }
  co_return std::move(it).take_result();
}

// co_await: runs the task that `body()` makes, as a part of the caller's. When the time has come the caller is cancelled
// where it waits, and if `cancelled` leaves the body for that and no other reason it becomes `timed_out`; if anything else
// does, nothing is left of that cancellation. A sleep that is over by the time that the caller is cancelled has ended
// well, also where the two are due in the other order; the next wait is struck then. Python's `async with
// asyncio.timeout(...)`.
template <class Body> auto timeout(deadline until, Body body) -> std::invoke_result_t<Body&> {
  using result = await_result_t<std::invoke_result_t<Body&>>;
  const task_ref me = current_task();
  const unsigned others = me.cancelling();
  bool expired = false, left_by_it = false;
  std::exception_ptr error;
  std::optional<std::conditional_t<std::is_void_v<result>, char, result>> value;
  {
    const struct alarm {
      timer_handle timer;
      ~alarm() { timer.cancel(); }
    } guard{detail::alarm_in_any_case(until, [&expired, me] {
      expired = true;
      me.cancel();
    })};
    try {
      if constexpr (std::is_void_v<result>)
        co_await body();
      else
        value.emplace(co_await body());
    } catch (const cancelled&) {
      left_by_it = true;
    } catch (...) {
      error = std::current_exception();
    }
  }
  const bool ours = expired && me.uncancel() <= others;
  if (left_by_it && ours) throw timed_out("weft::stackless: timeout() has expired");
  if (left_by_it) throw cancelled();
  if (error) std::rethrow_exception(std::move(error));
  if constexpr (!std::is_void_v<result>) co_return std::move(*value);
}

// Hands out the futures as they are done, first done first; each is to be awaited for its result. When the time has come
// it throws `timed_out`.
template <std::derived_from<any_future> Future>
async_generator<Future> as_completed(std::vector<Future> what, deadline until = never) {
  detail::done_queue queue(std::vector<any_future>(what.begin(), what.end()), until);
  for (std::size_t left = what.size(); left > 0;) {
    if (const std::ptrdiff_t which = queue.pop(); which >= 0) {
      --left;
      co_yield std::move(what[std::size_t(which)]);
    } else {
      if (queue.is_late()) throw timed_out("weft::stackless: as_completed() has waited long enough");
      co_await queue.next();
    }
  }
}
// The same for whatever can be awaited, of one type: all are started now, on the running loop.
template <awaitable What>
requires(!detail::is_future<What>) auto as_completed(std::vector<What> what, deadline until = never) {
  return as_completed(detail::all_futures(std::move(what)), until);
}

}  // namespace weft::stackless
