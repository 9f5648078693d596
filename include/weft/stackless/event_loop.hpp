// SPDX-License-Identifier: BSL-1.0
// event_loop: a face over one worker's run queue, poller and timers. asyncio's event loop.
//
// There are two kinds. A loop that is made has a worker of its own, which runs nothing but while somebody is in
// run_forever() or run_until_complete(): the caller is blocked meanwhile, and everything, callbacks and tasks, runs on
// that one worker, one at a time. And every worker of any runtime has a loop, which always runs and is had by
// get_running_loop() on it; it is not run, stopped or closed by hand.
//
// Callbacks and tasks are run in the order in which they became ready.
#pragma once

#include <chrono>
#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <source_location>
#include <type_traits>
#include <utility>
#include <weft/base/deadline.hpp>
#include <weft/detail/stackless/driven_future.hpp>
#include <weft/detail/stackless/executor_call.hpp>
#include <weft/stackless/callback_handle.hpp>
#include <weft/stackless/error.hpp>
#include <weft/stackless/error_context.hpp>
#include <weft/stackless/future.hpp>
#include <weft/stackless/task.hpp>

namespace weft {
class runtime;
}

namespace weft::stackless {

class event_loop {
 public:
  using time_point = deadline::clock::time_point;

  // With a worker of its own. Throws what the constructor of runtime throws.
  event_loop();
  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;
  // close(). Not while it runs, nor in a call of its own executor: that ends the process.
  ~event_loop();

  // --- Callbacks. From callbacks and tasks of this loop and, while it does not run, from any thread; when it runs
  // elsewhere, which asyncio leaves undefined, they do the same as the threadsafe one, but in debug mode loop_error. All
  // throw loop_error when the loop is closed, and bad_alloc.

  // `f()` will be called, after all that is ready now. It sees the caller's context variables, a copy. What it throws goes
  // to the exception handler.
  template <std::invocable F>
  callback_handle call_soon(F&& f, std::source_location where = std::source_location::current()) {
    const auto made = detail::make_callback(std::forward<F>(f), where);
    require_caller();
    detail::schedule(core(), *made);
    return callback_handle(made);
  }
  // The same from any thread; wakes the loop.
  template <std::invocable F>
  callback_handle call_soon_threadsafe(F&& f, std::source_location where = std::source_location::current()) {
    const auto made = detail::make_callback(std::forward<F>(f), where);
    detail::schedule(core(), *made);
    return callback_handle(made);
  }
  // Not before that time; those for the same time in the order of the calls. Times are the steady clock's.
  template <std::invocable F>
  timer_handle call_at(deadline when, F&& f, std::source_location where = std::source_location::current()) {
    const auto made = detail::make_callback<detail::timed_callback>(std::forward<F>(f), where, when.to_nanoseconds());
    require_caller();
    detail::schedule_at(core(), *made);
    return timer_handle(made);
  }
  template <class Rep, class Period, std::invocable F>
  timer_handle call_later(std::chrono::duration<Rep, Period> delay, F&& f,
                          std::source_location where = std::source_location::current()) {
    return call_at(deadline(delay), std::forward<F>(f), where);
  }
  [[nodiscard]] time_point time() const;

  // --- Running it. Only a loop with a worker of its own.

  // Blocks the calling thread until stop(). loop_error on a worker (a loop runs there), when it runs already, or is closed.
  void run_forever();
  // Blocks until `what` is done; returns or throws what that does. loop_error as above, and when the loop was stopped
  // before; invalid_argument for another loop's future.
  template <class T> T run_until_complete(task<T> what, std::source_location where = std::source_location::current()) {
    require_runnable();
    future<T> whole(detail::drive(core(), std::move(what), where));
    return run_until_complete(std::move(whole));
  }
  template <class T> T run_until_complete(future<T> what) {
    complete(what);
    return std::move(what).take_result();
  }
  // run_forever() returns when the callbacks that are ready now have run; what they schedule runs the next time. Before
  // run_forever(): that runs what is ready, and returns. loop_error on another thread while it runs: not a thing to do
  // but by call_soon_threadsafe().
  void stop();
  // Drops all callbacks. Tasks that have not ended are reported, each, to the exception handler ("Task was destroyed but
  // it is pending"), then cancelled and unwound; on their way out they may still wait for others. Waits for begun calls of
  // run_in_executor(). Blocks the thread meanwhile; on a fiber or task, its worker. loop_error while it runs and in one of
  // those calls; nothing when it is closed already.
  void close();
  [[nodiscard]] bool is_running() const noexcept;
  [[nodiscard]] bool is_closed() const noexcept;

  // --- Futures and tasks. Any thread.

  template <class T = void> [[nodiscard]] future<T> create_future() { return future<T>(*this); }
  // Runs it on this loop's worker, behind what is ready now. asyncio's Task: a future that drives a coroutine.
  // loop_error when the loop is closed, invalid_argument for an empty task.
  template <class T>
  task_future<T> create_task(task<T> what, std::string_view name = {},
                             std::source_location where = std::source_location::current()) {
    return task_future<T>(detail::drive(core(), std::move(what), where, name));
  }

  // Calls `f` on a thread of the blocking pool; the future has what it returns or throws. If that is cancelled before the
  // call has begun, it is not made; later only the future is cancelled. It sees the caller's context variables. Any
  // thread. loop_error when it is closed; std::system_error without a thread to run it.
  template <std::invocable F>
  auto run_in_executor(F&& f, std::source_location where = std::source_location::current()) {
    using result = std::invoke_result_t<std::decay_t<F>>;
    future<result> made(core());
    detail::submit(core(), std::make_unique<detail::executor_call<std::decay_t<F>, result>>(std::forward<F>(f), where,
                                                                                            made.core()));
    return made;
  }

  // --- Descriptors. From where call_soon() may be called. std::system_error: bad_file_descriptor, or
  // operation_not_permitted (EPERM) for a regular file.

  // `f()` is called again and again while the descriptor is readable. Replaces the one there was.
  template <std::invocable F>
  void add_reader(int fd, F&& f, std::source_location where = std::source_location::current()) {
    watch(fd, false, detail::make_callback(std::forward<F>(f), where));
  }
  template <std::invocable F>
  void add_writer(int fd, F&& f, std::source_location where = std::source_location::current()) {
    watch(fd, true, detail::make_callback(std::forward<F>(f), where));
  }
  // Whether there was one. Any thread; on the loop's own, it is not called any more.
  bool remove_reader(int fd);
  bool remove_writer(int fd);

  // --- Errors and debug mode. Any thread.

  using exception_handler = std::function<void(event_loop&, const error_context&)>;
  // Called on the loop's worker, or by close() on its thread, with what nobody else could be told. Empty: one line on
  // stderr. What it throws is reported that way.
  void set_exception_handler(exception_handler handler);
  void call_exception_handler(const error_context& what);
  static void default_exception_handler(const error_context& what) noexcept;

  // Reports callbacks, and by their names tasks that start from now on, a step of which holds the loop as long as
  // slow_callback_duration() (100 ms); tasks that were never awaited; and refuses call_soon() from foreign threads. On stderr.
  void set_debug(bool on);
  [[nodiscard]] bool get_debug() const noexcept;
  void set_slow_callback_duration(std::chrono::nanoseconds from);
  [[nodiscard]] std::chrono::nanoseconds slow_callback_duration() const noexcept;
  void slow_callback_duration(std::chrono::nanoseconds from) { set_slow_callback_duration(from); }

  // For what is built on loops.
  [[nodiscard]] detail::loop_core& core() const noexcept { return *core_; }

 private:
  friend class detail::loop_core;
  friend detail::loop_core& detail::running_loop();
  // Of a worker that has run for long.
  explicit event_loop(detail::worker& at);

  void require_caller() const;
  void require_runnable() const;
  void complete(const any_future& what);
  void watch(int fd, bool for_output, detail::counted_pointer<detail::callback> what);

  detail::loop_core* core_ = nullptr;
  std::unique_ptr<runtime> runtime_;  // until it is closed
  const bool owns_worker_;
};

template <class T> future<T>::future(event_loop& on) : future(on.core()) {}

// The loop of the worker that the caller is on: task, callback or fiber. loop_error elsewhere.
[[nodiscard]] event_loop& get_running_loop();
// The running one; else the one that was set for this thread; else, on the main thread, if none was ever set there, one
// that is made and set now. loop_error on other threads: asyncio's rule.
[[nodiscard]] event_loop& get_event_loop();
// For the calling thread; null: none. It must live until another is set.
void set_event_loop(event_loop* loop) noexcept;
[[nodiscard]] std::unique_ptr<event_loop> new_event_loop();

}  // namespace weft::stackless
