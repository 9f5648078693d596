// SPDX-License-Identifier: BSL-1.0
// The floor of channels: C++20 coroutines that hand values over through the barest queues that do it, on one thread.
#pragma once

#include "coroutine.hpp"

#include <array>
#include <coroutine>
#include <cstddef>

namespace bench::floor {

// Any number of senders and receivers, first come, first served; `Capacity` zero: they meet. Who is served is made ready.
template <std::size_t Capacity> class channel {
 public:
  explicit channel(fifo& ready) : ready_(ready) {}

  struct operation {
    channel& on;
    long value = 0;
    fifo::link mine{};
    operation* next = nullptr;
  };
  struct send : operation {
    send(channel& to, long what) : operation{to, what} {}
    [[nodiscard]] bool await_ready() noexcept { return this->on.try_send(this->value); }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> self) noexcept {
      this->mine.handle = self;
      this->on.senders_.push(*this);
      return this->on.next();
    }
    void await_resume() const noexcept {}
  };
  struct receive : operation {
    explicit receive(channel& from) : operation{from} {}
    [[nodiscard]] bool await_ready() noexcept { return this->on.try_receive(this->value); }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> self) noexcept {
      this->mine.handle = self;
      this->on.receivers_.push(*this);
      return this->on.next();
    }
    [[nodiscard]] long await_resume() const noexcept { return this->value; }
  };

 private:
  class line {
   public:
    void push(operation& o) noexcept {
      *end_ = &o;
      end_ = &o.next;
    }
    // Null when nobody waits.
    [[nodiscard]] operation* pop() noexcept {
      operation* const first = first_;
      if (first != nullptr && (first_ = first->next) == nullptr) end_ = &first_;
      return first;
    }

   private:
    operation* first_ = nullptr;
    operation** end_ = &first_;
  };

  bool try_send(long value) noexcept {
    if (operation* const receiver = receivers_.pop()) {
      receiver->value = value;
      ready_.push(receiver->mine);
      return true;
    }
    if (count_ == Capacity) return false;
    put(value);
    return true;
  }
  bool try_receive(long& into) noexcept {
    operation* sender = nullptr;
    if (count_ > 0) {
      into = ring_[head_];
      head_ = head_ + 1 == Capacity ? 0 : head_ + 1;
      --count_;
      if ((sender = senders_.pop()) != nullptr) put(sender->value);
    } else if ((sender = senders_.pop()) != nullptr) {
      into = sender->value;
    } else {
      return false;
    }
    if (sender != nullptr) ready_.push(sender->mine);
    return true;
  }
  void put(long value) noexcept {
    ring_[tail_] = value;
    tail_ = tail_ + 1 == Capacity ? 0 : tail_ + 1;
    ++count_;
  }
  std::coroutine_handle<> next() noexcept {
    const std::coroutine_handle<> ready = ready_.pop();
    return ready ? ready : std::noop_coroutine();
  }

  fifo& ready_;
  line senders_, receivers_;
  std::size_t count_ = 0, head_ = 0, tail_ = 0;
  std::array<long, Capacity + 1> ring_{};
};

}  // namespace bench::floor
