// SPDX-License-Identifier: BSL-1.0
// queue, priority_queue and lifo_queue of tasks: asyncio's.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>
#include <weft/detail/stackless_io/queue_core.hpp>
#include <weft/stackless/task.hpp>

namespace weft::stackless {

// What get_nowait() and put_nowait() throw, and all of a queue that was shut down. The codes: resource_unavailable_try_again,
// no_buffer_space, broken_pipe.
class queue_empty : public std::system_error {
 public:
  queue_empty();
};
class queue_full : public std::system_error {
 public:
  queue_full();
};
class queue_shut_down : public std::system_error {
 public:
  queue_shut_down();
};

// In which order items come out.
template <class T> class first_in_first_out {
 public:
  void push(T&& item) { items_.push_back(std::move(item)); }
  [[nodiscard]] T pop() {
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }

 private:
  std::deque<T> items_;
};
template <class T> class last_in_first_out {
 public:
  void push(T&& item) { items_.push_back(std::move(item)); }
  [[nodiscard]] T pop() {
    T item = std::move(items_.back());
    items_.pop_back();
    return item;
  }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }

 private:
  std::vector<T> items_;
};
// The smallest first.
template <class T, class Less = std::less<T>> class smallest_first {
 public:
  void push(T&& item) {
    items_.push_back(std::move(item));
    std::push_heap(items_.begin(), items_.end(), after);
  }
  [[nodiscard]] T pop() {
    std::pop_heap(items_.begin(), items_.end(), after);
    T item = std::move(items_.back());
    items_.pop_back();
    return item;
  }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }

 private:
  static bool after(const T& a, const T& b) { return Less()(b, a); }
  std::vector<T> items_;
};

// First come, first served among those who wait. Tasks of any worker; what does not wait may be called by any thread.
template <class T, class Order = first_in_first_out<T>> class basic_queue {
 public:
  // 0: no limit.
  explicit basic_queue(std::size_t max_size = 0) : core_(max_size) {}

  // co_await: waits for room. Throws `cancelled` and queue_shut_down, and then it has not been put.
  [[nodiscard]] task<> put(T item) {
    for (;;) {
      if (!try_put(item)) {
        const auto turn = core_.wait_for_room();
        if (turn) co_await core_.waits_for(*turn);
        continue;
      }
      co_return;
    }
  }
  // co_await: waits for an item. Throws `cancelled`; queue_shut_down when it is empty and shut down.
  [[nodiscard]] task<T> get() {
    for (;;) {
      if (std::optional<T> item = try_get()) co_return std::move(*item);
      const auto turn = core_.wait_for_item();
      if (turn) co_await core_.waits_for(*turn);
    }
  }
  // Throw queue_full, queue_empty and queue_shut_down.
  void put_nowait(T item) {
    if (!try_put(item)) throw queue_full();
  }
  [[nodiscard]] T get_nowait() {
    std::optional<T> item = try_get();
    if (!item) throw queue_empty();
    return std::move(*item);
  }

  [[nodiscard]] std::size_t qsize() const { return core_.size(); }
  [[nodiscard]] std::size_t maxsize() const noexcept { return core_.max_size(); }
  [[nodiscard]] bool empty() const { return qsize() == 0; }
  [[nodiscard]] bool full() const { return maxsize() > 0 && qsize() >= maxsize(); }

  // An item that was got has been dealt with. Throws invalid_argument when that is said more often than items were put.
  void task_done() { core_.task_done(); }
  // co_await: until all that were put have been dealt with.
  [[nodiscard]] task<> join() { return core_.join(); }
  // Nothing can be put any more; what is there can be got, unless it is to end at once.
  void shutdown(bool immediately = false) {
    Order dropped;
    const std::lock_guard guard(core_.lock);
    if (immediately) std::swap(dropped, items_);
    core_.shut_down(immediately, dropped.size());
  }

 private:
  // Throws queue_shut_down.
  bool try_put(T& item) {
    const std::lock_guard guard(core_.lock);
    if (!core_.may_put()) return false;
    items_.push(std::move(item));
    core_.has_put();
    return true;
  }
  std::optional<T> try_get() {
    const std::lock_guard guard(core_.lock);
    if (!core_.may_get()) return std::nullopt;
    std::optional<T> item(items_.pop());
    core_.has_got();
    return item;
  }

  mutable detail::queue_core core_;
  Order items_;  // under the core's lock
};

template <class T> using queue = basic_queue<T>;
template <class T, class Less = std::less<T>> using priority_queue = basic_queue<T, smallest_first<T, Less>>;
template <class T> using lifo_queue = basic_queue<T, last_in_first_out<T>>;

}  // namespace weft::stackless
