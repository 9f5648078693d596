// SPDX-License-Identifier: BSL-1.0
// The queue of what is ready on one worker and stays there: started sticky fibers and tasks. Intrusive, owner only.
//
// Invariants
//  - Linked through `runnable::next`; the last one's is null. `tail_` means something only while `head_` is not null,
//    so a pop writes one word.
#pragma once

#include <weft/detail/run/runnable.hpp>

namespace weft::detail {

class fifo {
 public:
  fifo() = default;
  fifo(const fifo&) = delete;
  fifo& operator=(const fifo&) = delete;

  [[nodiscard]] bool empty() const noexcept { return !head_; }
  // The one that `pop_front` would return; its `next` is the one after it (for prefetching). Null when empty.
  [[nodiscard]] runnable* front() const noexcept { return head_; }

  void push_back(runnable& r) noexcept {
    r.next = nullptr;
    append(r, r);
  }

  void push_front(runnable& r) noexcept {
    if (!head_) tail_ = &r;
    r.next = head_;
    head_ = &r;
  }

  [[nodiscard]] runnable* pop_front() noexcept {
    runnable* const r = head_;
    if (r) head_ = r->next;
    return r;
  }

  // The front leaves, and `r` goes to the back: a pop and a push in one. Not when empty.
  void exchange_front(runnable& r) noexcept {
    r.next = nullptr;
    runnable* const last = tail_;
    tail_ = &r;
    last->next = &r;
    head_ = head_->next;  // of a lone one, `r`: it was also the last
  }

  // Links a chain, `first` to `last` through `next`, at the back. `last.next` must be null.
  void append(runnable& first, runnable& last) noexcept {
    if (head_)
      tail_->next = &first;
    else
      head_ = &first;
    tail_ = &last;
  }

  // Moves everything from `other` to the back of this one.
  void splice_back(fifo& other) noexcept {
    if (other.empty()) return;
    append(*other.head_, *other.tail_);
    other.head_ = nullptr;
  }

 private:
  runnable* head_ = nullptr;
  runnable* tail_ = nullptr;
};

}  // namespace weft::detail
