// SPDX-License-Identifier: BSL-1.0
// A function on a stack of its own that a plain thread runs piece by piece: the switch without a runtime around it.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <functional>
#include <new>
#include <utility>

#include "context/context.hpp"
#include "context/exception_state.hpp"

#include WEFT_VALGRIND_HEADER

namespace weft::test {

class flow {
 public:
  static constexpr std::size_t stack_size = std::size_t{256} << 10;

  explicit flow(std::function<void(flow&)> body) : body_(std::move(body)) {
    void* memory =
        mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    low_ = static_cast<std::byte*>(memory);
    valgrind_ = detail::register_stack(low_, top());
    self_.prepare(low_, top(), &main, this);
  }
  // Finished, or never resumed.
  ~flow() {
    detail::unregister_stack(valgrind_);
    munmap(low_, stack_size);
  }
  flow(const flow&) = delete;
  flow& operator=(const flow&) = delete;

  // Runs the body until it leaves or ends. From a thread or from another flow, but not from the body.
  void resume() {
    live_ = &detail::exception_state::of_this_thread();
    detail::exchange(*live_, callers_exceptions_, exceptions_);
    detail::switch_context(caller_, self_);
  }
  // From the body.
  void leave() {
    detail::exchange(*live_, exceptions_, callers_exceptions_);
    detail::switch_context(self_, caller_);
  }
  void run() {
    while (!finished_) resume();
  }

  // The body has ended, and the flow goes on as a new one on the same stack. From the body, as its last deed.
  void go_on_as(std::function<void(flow&)> next) { next_ = std::move(next); }

  [[nodiscard]] bool finished() const { return finished_; }
  [[nodiscard]] bool contains(const void* address) const { return address >= low_ && address < top(); }
  [[nodiscard]] std::byte* low() const { return low_; }
  [[nodiscard]] std::byte* top() const { return low_ + stack_size; }

 private:
  static void main(void* argument) noexcept {
    flow& self = *static_cast<flow*>(argument);
    self.body_(self);
    while (self.next_) {
      detail::context ended;
      ended.take_over(self.self_, self.low_, self.top());
      detail::renew(ended, self.self_);
      std::exchange(self.next_, nullptr)(self);
    }
    self.finished_ = true;
    detail::exchange(*self.live_, self.exceptions_, self.callers_exceptions_);
    detail::switch_from_finished(self.self_, self.caller_);
  }

  std::function<void(flow&)> body_;
  std::function<void(flow&)> next_;
  std::byte* low_ = nullptr;
  unsigned valgrind_ = 0;
  bool finished_ = false;
  detail::context self_;
  detail::context caller_;
  detail::exception_state exceptions_;
  detail::exception_state callers_exceptions_;
  detail::exception_state* live_ = nullptr;  // of the thread that resumed last
};

}  // namespace weft::test
