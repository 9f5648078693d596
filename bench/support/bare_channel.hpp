// SPDX-License-Identifier: BSL-1.0
// The floor of channels: C++20 coroutines that hand values over through the barest queue that does it, on one thread.
#pragma once

#include "coroutine.hpp"

#include <array>
#include <coroutine>
#include <cstddef>

namespace bench::floor {

// One sender, one receiver; `Capacity` zero: they meet. Whoever waits is made ready through the queue.
template <std::size_t Capacity> class channel {
 public:
  explicit channel(fifo& ready) : ready_(ready) {}

  struct send {
    channel& to;
    long value;
    fifo::link mine{};
    [[nodiscard]] bool await_ready() noexcept { return to.try_send(value); }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> self) noexcept {
      mine.handle = self;
      to.sender_ = this;
      return to.next();
    }
    void await_resume() const noexcept {}
  };
  struct receive {
    channel& from;
    long value = 0;
    fifo::link mine{};
    [[nodiscard]] bool await_ready() noexcept { return from.try_receive(value); }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> self) noexcept {
      mine.handle = self;
      from.receiver_ = this;
      return from.next();
    }
    [[nodiscard]] long await_resume() const noexcept { return value; }
  };

 private:
  bool try_send(long value) noexcept {
    if (receiver_ != nullptr) {
      receiver_->value = value;
      ready_.push(receiver_->mine);
      receiver_ = nullptr;
      return true;
    }
    if constexpr (Capacity > 0) {
      if (count_ < Capacity) {
        ring_[tail_] = value;
        tail_ = tail_ + 1 == Capacity ? 0 : tail_ + 1;
        ++count_;
        return true;
      }
    }
    return false;
  }
  bool try_receive(long& into) noexcept {
    if constexpr (Capacity > 0) {
      if (count_ > 0) {
        into = ring_[head_];
        head_ = head_ + 1 == Capacity ? 0 : head_ + 1;
        --count_;
        if (sender_ != nullptr) {
          send* const waiting = sender_;
          sender_ = nullptr;
          (void)try_send(waiting->value);
          ready_.push(waiting->mine);
        }
        return true;
      }
    }
    if (sender_ != nullptr) {
      into = sender_->value;
      ready_.push(sender_->mine);
      sender_ = nullptr;
      return true;
    }
    return false;
  }
  std::coroutine_handle<> next() noexcept {
    const std::coroutine_handle<> ready = ready_.pop();
    return ready ? ready : std::noop_coroutine();
  }

  fifo& ready_;
  send* sender_ = nullptr;
  receive* receiver_ = nullptr;
  std::size_t count_ = 0, head_ = 0, tail_ = 0;
  std::array<long, Capacity> ring_{};
};

}  // namespace bench::floor
