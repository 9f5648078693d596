// SPDX-License-Identifier: BSL-1.0
// A waiter is whoever waits: a fiber, a stackless task or a plain thread. It owns one claim and knows how it is unparked.
// Type-stable memory, like its claim.
#pragma once

#include <weft/detail/run/claim.hpp>

namespace weft::detail {

struct waiter {
  using unpark_function = void (*)(waiter&) noexcept;

  explicit waiter(unpark_function how) noexcept : unpark(how) {}
  waiter(const waiter&) = delete;
  waiter& operator=(const waiter&) = delete;

  claim word;
  unpark_function unpark;        // any thread; once per won claim, by its winner
  waiter* next_woken = nullptr;  // belongs to the winner between the win and the unpark
};

// Waiters whose claims were won under a lock, to be unparked after it is released. FIFO. Lives on the winner's stack.
class wake_list {
 public:
  wake_list() = default;
  wake_list(const wake_list&) = delete;
  wake_list& operator=(const wake_list&) = delete;

  void push(waiter& w) noexcept {
    w.next_woken = nullptr;
    *tail_ = &w;
    tail_ = &w.next_woken;
  }
  [[nodiscard]] waiter* pop() noexcept {
    waiter* w = head_;
    if (w && !(head_ = w->next_woken)) tail_ = &head_;
    return w;
  }
  [[nodiscard]] bool empty() const noexcept { return !head_; }
  // Unparks all, first won first. No lock may be held: an unpark may take the locks of an inbox.
  void unpark_all() noexcept {
    while (waiter* w = pop()) w->unpark(*w);
  }

 private:
  waiter* head_ = nullptr;
  waiter** tail_ = &head_;
};

}  // namespace weft::detail
