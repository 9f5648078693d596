// SPDX-License-Identifier: BSL-1.0
// channel<T>: values from one fiber to another, in order.
#pragma once

#include <concepts>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <weft/base/deadline.hpp>
#include <weft/detail/base/copies.hpp>
#include <weft/detail/sync/channel_core.hpp>
#include <weft/detail/sync/channel_item.hpp>
#include <weft/detail/sync/channel_operation.hpp>
#include <weft/detail/sync/checkpoint.hpp>

namespace weft {

// A line of values between any number of senders and receivers: fibers, plain threads and, by co_await, tasks. With
// capacity 0 a sender and a receiver meet (rendezvous); else up to `capacity` values wait in it.
//
// FIFO: values are received in the order in which they were sent, and of those who wait on one side the first to come is
// the first to be served. Sends and receives are cancellation points, also where they need not wait; they park a fiber
// and block a plain thread. One that was cancelled or came too late did not happen: nothing was received, and what was to
// be sent is still the sender's, unmoved.
//
// T is moved under the channel's lock, so its move constructor must not wait. If that may throw, the channel keeps such
// values on the heap: T is copied there, or moved if it cannot be copied, by the sender before it waits, and what that
// throws comes out of the send; moving it out again is the receiver's, and if that throws the value is gone.
//
// A channel may be destroyed as soon as nobody is in one of its functions, what it still holds with it; a receiver may
// destroy it when it has the value that it came for. Destroying one that somebody waits on aborts, and says so.
template <class T> class channel {
  static_assert(std::is_object_v<T> && std::same_as<T, std::remove_cv_t<T>>, "a channel carries plain objects");
  static_assert(std::is_destructible_v<T> && std::move_constructible<T>, "a channel moves its values");
  static_assert(!detail::is_boxed<T> || detail::copies<T> || std::is_move_assignable_v<T>,
                "a value that was not sent has to be put back");
  using item = detail::item_of<T>;

 public:
  using value_type = T;
  class iterator;

  // Throws std::system_error (invalid_argument) for a negative capacity, and bad_alloc: the room is allocated here.
  explicit channel(std::size_t capacity = 0) : core_(capacity, detail::moves_of<item>) {}
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;

  // Sends the value, or waits until there is a receiver or room. Throws channel_closed, also if the channel is closed
  // meanwhile, and `cancelled`; then the value is still the caller's.
  void send(T&& value) { (void)send_until(std::move(value), never); }
  void send(const T& value) requires std::copy_constructible<T> {
    T copy(value);
    (void)send_until(std::move(copy), never);
  }
  // The same; false, and the value still the caller's, if that was not possible before the deadline.
  bool send_until(T&& value, deadline until) {
    detail::checkpoint();
    return sending(value, [&](item& what) { return core_.send_locked(std::addressof(what), until); });
  }
  bool send_until(const T& value, deadline until) requires std::copy_constructible<T> {
    T copy(value);
    return send_until(std::move(copy), until);
  }
  // Sends if that is possible at once. Never parks, and is no cancellation point. Throws channel_closed.
  bool try_send(T&& value) {
    return sending(value, [&](item& what) { return core_.try_send_locked(std::addressof(what)); });
  }
  bool try_send(const T& value) requires std::copy_constructible<T> {
    T copy(value);
    return try_send(std::move(copy));
  }

  // The next value, or waits until there is one. nullopt: the channel is closed and drained. Throws `cancelled`.
  std::optional<T> receive() { return receive_until(never); }
  // The same; nullopt also if none came before the deadline.
  std::optional<T> receive_until(deadline until) {
    detail::checkpoint();
    return receiving([&](std::optional<item>& into) { core_.receive_locked(&into, until); });
  }
  // What is there at once. Never parks, and is no cancellation point.
  std::optional<T> try_receive() {
    return receiving([&](std::optional<item>& into) { core_.try_receive_locked(&into); });
  }

  // For tasks: the same by co_await. What is sent as an rvalue has to live until then.
  [[nodiscard]] auto async_send(T&& value) { return detail::send_operation<T>(core_, value); }
  [[nodiscard]] auto async_send(const T& value) requires std::copy_constructible<T> {
    return detail::send_operation<T>(core_, value);
  }
  [[nodiscard]] auto async_send_until(T&& value, deadline until) {
    return detail::timed_send_operation<T>(core_, value, until);
  }
  [[nodiscard]] auto async_send_until(const T& value, deadline until) requires std::copy_constructible<T> {
    return detail::timed_send_operation<T>(core_, value, until);
  }
  [[nodiscard]] auto async_receive() { return detail::receive_operation<T>(core_, never); }
  [[nodiscard]] auto async_receive_until(deadline until) { return detail::receive_operation<T>(core_, until); }

  // From now on nobody can send. All who wait are woken: senders throw channel_closed, receivers get nullopt; what the
  // channel holds can still be received. Closing again does nothing. Any thread; never parks.
  void close() noexcept { core_.close(); }

  // for (auto& value : ch): receives until the channel is closed and drained. The value is the loop's to move from.
  [[nodiscard]] iterator begin() { return iterator(*this); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  // Of this moment: others may change it meanwhile. Values whose senders wait do not count. Any thread; never park.
  [[nodiscard]] std::size_t size() const noexcept { return core_.size(); }
  [[nodiscard]] std::size_t capacity() const noexcept { return core_.capacity(); }
  [[nodiscard]] bool is_closed() const noexcept { return core_.is_closed(); }

 private:
  friend struct detail::channel_access;

  // `otherwise(item)` begins with the lock held and lets it go. False, or throws: not sent.
  template <class Otherwise> bool sending(T& value, Otherwise&& otherwise) {
    detail::sent_item<T> what(value);
    what.pack();
    if constexpr (detail::is_boxed<T> && !detail::copies<T>) {
      try {
        const bool sent = send_item(what.item(), otherwise);
        what.put_back();
        return sent;
      } catch (...) {
        what.put_back();
        throw;
      }
    } else {
      return send_item(what.item(), otherwise);
    }
  }
  template <class Otherwise> bool send_item(item& what, Otherwise&& otherwise) {
    core_.lock();
    detail::waiter* partner = nullptr;
    if (!core_.send_at_once(what, partner)) return otherwise(what);
    core_.unlock();
    if (partner) partner->unpark(*partner);
    return true;
  }

  template <class Otherwise> std::optional<T> receiving(Otherwise&& otherwise) {
    std::optional<item> got;
    core_.lock();
    detail::waiter* partner = nullptr;
    if (core_.receive_at_once(got, partner)) {
      core_.unlock();
      if (partner) partner->unpark(*partner);
    } else {
      otherwise(got);
    }
    if constexpr (detail::is_boxed<T>)
      return detail::opened<T>(std::move(got));
    else
      return got;
  }

  mutable detail::channel_core core_;
};

// Receives as it goes; holds the value it stands on. Only moved, only compared with the end.
template <class T> class channel<T>::iterator {
 public:
  using value_type = T;
  using difference_type = std::ptrdiff_t;
  using iterator_concept = std::input_iterator_tag;

  iterator() = default;
  explicit iterator(channel& from) : from_(&from), value_(from.receive()) {}
  iterator(iterator&&) = default;
  iterator& operator=(iterator&&) = default;

  [[nodiscard]] T& operator*() const noexcept { return *value_; }
  [[nodiscard]] T* operator->() const noexcept { return std::addressof(*value_); }
  // Receives the next value: parks, and throws what receive() does.
  iterator& operator++() {
    value_.reset();
    std::optional<T> next = from_->receive();
    if (next) value_.emplace(std::move(*next));
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const iterator& at, std::default_sentinel_t) noexcept { return !at.value_; }

 private:
  channel* from_ = nullptr;
  mutable std::optional<T> value_;  // what it stands on is the loop's
};

}  // namespace weft

struct weft::detail::channel_access {
  template <class T> static channel_core& core(channel<T>& of) noexcept { return of.core_; }
};
