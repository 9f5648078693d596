// SPDX-License-Identifier: BSL-1.0
// A bare C++20 coroutine that another one awaits: it begins when awaited, and its end goes straight on with that one.
#pragma once

#include <coroutine>
#include <exception>
#include <utility>

namespace bench::floor {

class [[nodiscard]] awaited {
 public:
  struct promise_type {
    promise_type() noexcept {}  // were it an aggregate, g++ 12 would initialize it with the coroutine's parameters

    long value = 0;
    std::coroutine_handle<> awaiting = std::noop_coroutine();

    awaited get_return_object() { return awaited(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    struct to_awaiting {
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> self) const noexcept {
        return self.promise().awaiting;
      }
      void await_resume() const noexcept {}
    };
    to_awaiting final_suspend() const noexcept { return {}; }
    void return_value(long v) noexcept { value = v; }
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };

  awaited(awaited&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  ~awaited() {
    if (handle_) handle_.destroy();
  }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> self) const noexcept {
    handle_.promise().awaiting = self;
    return handle_;
  }
  [[nodiscard]] long await_resume() const noexcept { return handle_.promise().value; }

 private:
  explicit awaited(std::coroutine_handle<promise_type> h) noexcept : handle_(h) {}
  std::coroutine_handle<promise_type> handle_;
};

}  // namespace bench::floor
