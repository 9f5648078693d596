// SPDX-License-Identifier: BSL-1.0
// promise<T>: who will set the value of a future; like std::promise.
#pragma once

#include <concepts>
#include <exception>
#include <type_traits>
#include <utility>
#include <weft/sync/future.hpp>

namespace weft {

namespace detail {

template <class T> class promise_base_of {
 public:
  // Throws bad_alloc.
  promise_base_of() : state_(new future_state<T>) {}
  promise_base_of(promise_base_of&&) noexcept = default;
  promise_base_of& operator=(promise_base_of&& other) noexcept {
    promise_base_of ended(std::move(*this));
    state_ = std::move(other.state_);
    return *this;
  }
  ~promise_base_of() {
    if (state_ && state_->take()) fill_with_error(broken_promise_error());
  }

  void swap(promise_base_of& other) noexcept { std::swap(state_, other.state_); }

  // Once. It never parks, but for what on_ready() was given; so for the others. std::system_error (invalid_argument) for a
  // null one.
  void set_exception(std::exception_ptr error) {
    error = as_seen_by_others(std::move(error));
    take();
    fill_with_error(std::move(error));
  }

 protected:
  void take() {
    if (!state_) throw_no_state();
    if (!state_->take()) throw_already_satisfied();
  }
  template <class... Value> void set(Value&&... value) {
    take();
    if constexpr (sizeof...(Value) != 0) {
      try {
        state_->result.fill(std::forward<Value>(value)...);
      } catch (...) {
        state_->give_back();
        throw;
      }
    }
    state_->publish();
  }
  [[nodiscard]] future_pointer<T> give_state() {
    if (!state_) throw_no_state();
    if (!state_->retrieve()) throw_already_retrieved();
    return state_;
  }

 private:
  void fill_with_error(std::exception_ptr error) noexcept {
    state_->result.fail(std::move(error));
    state_->publish();
  }

  future_pointer<T> state_;
};

}  // namespace detail

// Movable; empty when moved from. One that ends without having set anything breaks its promise: the future throws
// std::future_error (broken_promise). Any fiber, thread or task may set it, and end it right afterwards. Throws
// std::future_error: promise_already_satisfied when it was set before, future_already_retrieved, no_state when empty. If
// making the value throws, nothing was set. weft::cancelled as the exception comes out of the future as operation_canceled.
template <class T> class promise : public detail::promise_base_of<T> {
 public:
  // Once.
  [[nodiscard]] future<T> get_future() { return future<T>(this->give_state()); }

  void set_value(const T& value) requires std::copy_constructible<T> { this->set(value); }
  void set_value(T&& value) { this->set(std::move(value)); }
};

template <class T> class promise<T&> : public detail::promise_base_of<T&> {
 public:
  [[nodiscard]] future<T&> get_future() { return future<T&>(this->give_state()); }
  void set_value(T& value) { this->set(value); }
};

template <> class promise<void> : public detail::promise_base_of<void> {
 public:
  [[nodiscard]] future<void> get_future() { return future<void>(this->give_state()); }
  void set_value() { this->set(); }
};

template <class T> void swap(promise<T>& a, promise<T>& b) noexcept { a.swap(b); }

}  // namespace weft
