// SPDX-License-Identifier: BSL-1.0
// future<T> and shared_future<T>: the other end of a promise; like std's, and awaited by fibers, threads and tasks alike.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>
#include <weft/base/deadline.hpp>
#include <weft/detail/sync/future_core.hpp>
#include <weft/detail/sync/future_operation.hpp>

namespace weft {

template <class T> class promise;
template <class T> class shared_future;

namespace detail {

// What both have. Errors of misuse are std::future_error, as std's: without a state all but valid() throw no_state. Every
// wait is a cancellation point, also when it is ready: `cancelled` is thrown, and nothing has been consumed.
template <class T> class future_handle {
 public:
  // Whether it stands for something.
  [[nodiscard]] bool valid() const noexcept { return bool(state_); }
  // Whether the value or the exception is there. Never parks. Anybody.
  [[nodiscard]] bool done() const { return verified().is_ready(); }
  [[nodiscard]] bool ready() const { return done(); }

  // Until it is ready. Parks a fiber, blocks a plain thread (in a task, the worker).
  void wait() const { (void)verified().wait_until(never); }
  // False: not by then.
  [[nodiscard]] bool wait_until(deadline until) const { return verified().wait_until(until); }
  [[nodiscard]] bool wait_for(deadline from_now) const { return wait_until(from_now); }

  // `f()` is called once it is ready: by whoever makes it so, or now if it is. It may get the future, which this does not
  // consume. It must not throw, or the program ends. Throws bad_alloc, and what moving `f` throws.
  template <class F> void on_ready(F&& f) const {
    future_core& state = verified();
    state.add_call(std::make_unique<ready_call_of<std::decay_t<F>>>(std::forward<F>(f)));
  }

  // co_await: the same for tasks. The future has to stay until the end of the co_await.
  [[nodiscard]] auto async_wait() const { return lot_wait_operation(verified().lot(), future_core::waiting); }
  [[nodiscard]] auto async_wait_until(deadline until) const {
    return lot_timed_operation(verified().lot(), future_core::waiting, until);
  }

 protected:
  future_handle() noexcept = default;
  explicit future_handle(future_pointer<T> state) noexcept : state_(std::move(state)) {}

  [[nodiscard]] future_state<T>& verified() const {
    if (!state_) [[unlikely]]
      throw_no_state();
    return *state_;
  }

  future_pointer<T> state_;

 private:
  friend struct future_access;
};

}  // namespace detail

// Movable; empty when made so, moved from, or got. One fiber, thread or task at a time uses it; several use a shared_future
// each. If it is dropped the promise may still be kept: nobody hears of it. To destroy it while somebody waits by it ends
// the process.
template <class T> class [[nodiscard]] future : public detail::future_handle<T> {
 public:
  future() noexcept = default;
  future(future&&) noexcept = default;
  future& operator=(future&&) noexcept = default;
  ~future() {
    if (this->state_) this->state_->lot().verify_empty("weft: a future was destroyed while somebody waits for it");
  }

  // Waits, then returns the value or throws the exception; the future is empty then. A promise that ended without a value:
  // std::future_error (broken_promise). One that was given weft::cancelled: std::system_error (operation_canceled).
  T get() {
    this->wait();
    return take();
  }
  // For several; this one is empty then.
  [[nodiscard]] shared_future<T> share() noexcept { return shared_future<T>(std::move(*this)); }

  // co_await: what get() does; `co_await f`, too.
  [[nodiscard]] auto async_get() {
    (void)this->verified();
    return detail::future_get_operation<future>(*this);
  }
  [[nodiscard]] auto awaited_by(detail::task_core& self) {
    (void)this->verified();
    return detail::future_get_operation<future>(*this, self);
  }

 private:
  friend class promise<T>;
  friend class shared_future<T>;
  friend class detail::future_get_operation<future>;

  using detail::future_handle<T>::future_handle;
  T take() {
    const detail::future_pointer<T> state = std::move(this->state_);
    return state->result.take();
  }
};

// Copies stand for the same; the value is looked at, never taken, and ends with the last of them.
template <class T> class [[nodiscard]] shared_future : public detail::future_handle<T> {
 public:
  using result_type = decltype(std::declval<const detail::result_slot<T>&>().look());

  shared_future() noexcept = default;
  shared_future(future<T>&& from) noexcept : detail::future_handle<T>(std::move(from.state_)) {}

  // Waits, then returns the value, which stays while a copy of this future does; or throws the exception, as future does.
  result_type get() const {
    this->wait();
    return take();
  }

  // co_await: what get() does; `co_await f`, too.
  [[nodiscard]] auto async_get() const {
    (void)this->verified();
    return detail::future_get_operation<const shared_future>(*this);
  }
  [[nodiscard]] auto awaited_by(detail::task_core& self) const {
    (void)this->verified();
    return detail::future_get_operation<const shared_future>(*this, self);
  }

 private:
  friend class detail::future_get_operation<const shared_future>;

  result_type take() const { return this->state_->result.look(); }
};

}  // namespace weft
