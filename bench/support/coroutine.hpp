// SPDX-License-Identifier: BSL-1.0
// The floors that fibers are held against: bare C++20 coroutines on the barest queue that does the job, in the same process.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <utility>
#include <vector>

namespace bench::floor {

// Ready coroutines, first in first out, linked through their own frames.
class fifo {
 public:
  struct link {
    link* next = nullptr;
    std::coroutine_handle<> handle;
  };

  void push(link& l) noexcept {
    l.next = nullptr;
    *end_ = &l;
    end_ = &l.next;
  }
  // Null when there is none.
  [[nodiscard]] std::coroutine_handle<> pop() noexcept {
    link* const first = first_;
    if (first == nullptr) return nullptr;
    first_ = first->next;
    if (first_ == nullptr) end_ = &first_;
    return first->handle;
  }

 private:
  link* first_ = nullptr;
  link** end_ = &first_;
};

// co_await it: to the end of the queue, and straight into the first one there.
struct yield_through {
  fifo& queue;
  fifo::link mine{};

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> self) noexcept {
    mine.handle = self;
    queue.push(mine);
    return queue.pop();
  }
  void await_resume() const noexcept {}
};

// A coroutine that somebody resumes, and that somebody destroys.
struct plain {
  struct promise_type {
    plain get_return_object() noexcept { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};

// A generator as C++20 has them: nothing but the frame, the value where it was yielded.
class [[nodiscard]] yielding {
 public:
  struct promise_type {
    const long* value = nullptr;
    yielding get_return_object() noexcept { return yielding(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    std::suspend_always yield_value(const long& v) noexcept {
      value = &v;
      return {};
    }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };

  yielding(yielding&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  ~yielding() {
    if (handle_) handle_.destroy();
  }
  [[nodiscard]] bool next() {
    handle_.resume();
    return !handle_.done();
  }
  [[nodiscard]] long value() const noexcept { return *handle_.promise().value; }

 private:
  explicit yielding(std::coroutine_handle<promise_type> h) noexcept : handle_(h) {}
  std::coroutine_handle<promise_type> handle_;
};

// Ready coroutines, last in first out: the order in which a recursion keeps few of them alive.
inline std::vector<std::coroutine_handle<>>& stack() {
  static std::vector<std::coroutine_handle<>> ready = [] {
    std::vector<std::coroutine_handle<>> v;
    v.reserve(4096);
    return v;
  }();
  return ready;
}

// A child that is put on the stack when made and awaited later; its end goes straight on with whoever awaits it.
class [[nodiscard]] forked {
 public:
  struct promise_type;
  using handle_type = std::coroutine_handle<promise_type>;

  struct promise_type {
    promise_type() noexcept {}  // were it an aggregate, g++ 12 would initialize it with the coroutine's parameters

    long value = 0;
    bool ended = false;
    std::coroutine_handle<> awaiting = std::noop_coroutine();

    forked get_return_object() { return forked(handle_type::from_promise(*this)); }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    struct to_awaiting {
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(handle_type self) const noexcept {
        self.promise().ended = true;
        return self.promise().awaiting;
      }
      void await_resume() const noexcept {}
    };
    to_awaiting final_suspend() const noexcept { return {}; }
    void return_value(long v) noexcept { value = v; }
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };

  forked(forked&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  ~forked() {
    if (handle_) handle_.destroy();
  }

  [[nodiscard]] bool await_ready() const noexcept { return handle_.promise().ended; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> self) const {
    handle_.promise().awaiting = self;
    const std::coroutine_handle<> next = stack().back();  // ours or one that ours waits for: it is there
    stack().pop_back();
    return next;
  }
  [[nodiscard]] long await_resume() const noexcept { return handle_.promise().value; }

  // From no coroutine: runs until the stack is empty.
  [[nodiscard]] long run() {
    while (!stack().empty()) {
      const std::coroutine_handle<> next = stack().back();
      stack().pop_back();
      next.resume();
    }
    return handle_.promise().value;
  }

 private:
  explicit forked(handle_type h) : handle_(h) { stack().push_back(h); }
  handle_type handle_;
};

}  // namespace bench::floor
