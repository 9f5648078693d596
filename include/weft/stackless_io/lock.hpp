// SPDX-License-Identifier: BSL-1.0
// lock, event, semaphore and bounded_semaphore of tasks: asyncio's, upon weft's primitives.
//
// What asyncio does otherwise than std: a lock belongs to nobody and may be given back by any task, and to wait for it is
// a cancellation point. All may be used by tasks of any worker.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>
#include <weft/stackless/error.hpp>
#include <weft/stackless/task.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/semaphore.hpp>

namespace weft::stackless {

// What `co_await x.scoped()` gives: gives back when it ends. Python's `async with x`.
template <class Primitive> class [[nodiscard]] held {
 public:
  explicit held(Primitive& what) noexcept : what_(&what) {}
  held(held&& other) noexcept : what_(std::exchange(other.what_, nullptr)) {}
  held(const held&) = delete;
  held& operator=(const held&) = delete;
  ~held() {
    if (what_) what_->release();
  }

 private:
  Primitive* what_;
};

// asyncio.Lock. First come, first served.
class lock {
 public:
  // co_await: holds it. Throws `cancelled`, and then does not.
  [[nodiscard]] task<> acquire() {
    co_await free_.async_acquire();
    locked_.store(true, std::memory_order_relaxed);
  }
  [[nodiscard]] task<held<lock>> scoped() {
    co_await acquire();
    co_return held<lock>(*this);
  }
  [[nodiscard]] bool locked() const noexcept { return locked_.load(std::memory_order_relaxed); }
  // Any task. Throws invalid_state when it is not locked.
  void release() {
    if (!locked_.exchange(false, std::memory_order_relaxed))
      detail::throw_invalid_state("weft::stackless: the lock is not acquired");
    free_.release();
  }

 private:
  weft::semaphore free_{1};
  std::atomic<bool> locked_{false};  // relaxed: the semaphore orders those who hold it
};

// asyncio.Event. Anybody may set and clear it.
class event {
 public:
  void set() noexcept { event_.set(); }
  void clear() noexcept { event_.reset(); }
  [[nodiscard]] bool is_set() const noexcept { return event_.is_set(); }
  // co_await: until it is set. Throws `cancelled`.
  [[nodiscard]] auto wait() noexcept { return event_.async_wait(); }

 private:
  weft::event event_;
};

// asyncio.Semaphore. First come, first served.
class semaphore {
 public:
  // Throws invalid_argument for a negative number.
  explicit semaphore(std::ptrdiff_t value = 1) : permits_(value), free_(value) {}

  // co_await: takes one. Throws `cancelled`, and then has not.
  [[nodiscard]] task<> acquire() {
    co_await permits_.async_acquire();
    free_.fetch_sub(1, std::memory_order_relaxed);
  }
  [[nodiscard]] task<held<semaphore>> scoped() {
    co_await acquire();
    co_return held<semaphore>(*this);
  }
  // Whether acquire() would have to wait.
  [[nodiscard]] bool locked() const noexcept { return permits_.available() == 0; }
  void release() {
    free_.fetch_add(1, std::memory_order_relaxed);
    permits_.release();
  }

 protected:
  // One more, unless there are `most`.
  [[nodiscard]] bool count_up_to(std::ptrdiff_t most) noexcept {
    std::ptrdiff_t now = free_.load(std::memory_order_relaxed);
    do {
      if (now >= most) return false;
    } while (!free_.compare_exchange_weak(now, now + 1, std::memory_order_relaxed));
    return true;
  }
  weft::semaphore permits_;

 private:
  std::atomic<std::ptrdiff_t> free_;  // what nobody holds; relaxed: only counted
};

// asyncio.BoundedSemaphore: may not be given back more often than it was taken.
class bounded_semaphore : public semaphore {
 public:
  explicit bounded_semaphore(std::ptrdiff_t value = 1) : semaphore(value), most_(value) {}
  [[nodiscard]] task<held<bounded_semaphore>> scoped() {
    co_await acquire();
    co_return held<bounded_semaphore>(*this);
  }
  // Throws invalid_state when all are free.
  void release() {
    if (!count_up_to(most_))
      detail::throw_invalid_state("weft::stackless: the bounded_semaphore was released too many times");
    permits_.release();
  }

 private:
  const std::ptrdiff_t most_;
};

}  // namespace weft::stackless
