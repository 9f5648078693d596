// SPDX-License-Identifier: BSL-1.0
// What the async_ functions of channels return: operations for the co_await of a task.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <weft/base/deadline.hpp>
#include <weft/detail/stackless/operation.hpp>
#include <weft/detail/sync/channel_core.hpp>
#include <weft/detail/sync/channel_item.hpp>

namespace weft::detail {

// One send or receive, by the protocol of channel_core.hpp.
class channel_operation : public operation {
 protected:
  enum class side : bool { send, receive };

  channel_operation(channel_core& on, side which, void* place, deadline until) noexcept
      : operation(&proceed), on_(on), until_(until), place_(place), side_(which) {}
  channel_operation(channel_operation&& other, void* place) noexcept
      : operation(std::move(other)), on_(other.on_), until_(other.until_), place_(place), side_(other.side_) {}

  [[nodiscard]] channel_core& on() const noexcept { return on_; }
  // await_ready: `serve(partner)` tries the short way, under the lock.
  template <class Serve> [[nodiscard]] bool begin(Serve&& serve) noexcept {
    if (self().word.pending()) [[unlikely]]
      return await_slowly(course::fresh);
    if (self().desk->counts_out()) [[unlikely]]
      return await_slowly(course::tired);
    on_.lock();
    waiter* partner = nullptr;
    if (!serve(partner)) return await_slowly(course::locked);
    on_.unlock();
    if (partner) partner->unpark(*partner);
    course_ = course::done;
    return true;
  }

  // After the co_await. False: too late, or nothing was left to receive. Throws channel_closed and `cancelled`.
  bool finish() const { return course_ == course::done || finish_undone(); }

 private:
  // The first three: nothing has been tried; it has gone on for long without a wait; it has the channel's lock.
  enum class course : std::uint8_t { fresh, tired, locked, yielded, waiting, done, closed, late, cancelled };

  struct in_line {
    in_line(void* place, side which) noexcept : node(place, which == side::send) {}
    channel_node node;
    task_wait wait;
  };

  [[nodiscard]] bool await_slowly(course from) noexcept {
    course_ = from;
    return operation::await_ready();
  }

  bool finish_undone() const;
  static bool proceed(operation& self) noexcept;
  [[nodiscard]] course start() noexcept;
  [[nodiscard]] course try_or_wait() noexcept;  // with the lock
  [[nodiscard]] course after_wait() noexcept;

  channel_core& on_;
  const deadline until_;
  void* const place_;
  union {
    in_line line_;  // once it waits; most do not
  };
  const side side_;
  course course_ = course::fresh;
};

// co_await: whether it was sent. Refers to an rvalue, has a copy of anything else.
template <class T> class sending_operation : private std::optional<T>, private sent_item<T>, public channel_operation {
  using copy = std::optional<T>;
  using what = sent_item<T>;

 protected:
  sending_operation(channel_core& on, T& value, deadline until)
      : what(value), channel_operation(on, side::send, std::addressof(what::item()), until) {}
  sending_operation(channel_core& on, const T& value, deadline until)
      : copy(value),
        what(**static_cast<copy*>(this)),
        channel_operation(on, side::send, std::addressof(what::item()), until) {}

  bool finish() {
    what::put_back();
    return channel_operation::finish();
  }

 public:
  // Throws what moving the value does.
  [[nodiscard]] bool await_ready() noexcept(!is_boxed<T>) {
    what::pack();
    return this->begin([this](waiter*& partner) { return this->on().send_at_once(what::item(), partner); });
  }
};

template <class T> class [[nodiscard]] send_operation : public sending_operation<T> {
 public:
  template <class Value> send_operation(channel_core& on, Value& value) : sending_operation<T>(on, value, never) {}
  void await_resume() { (void)this->finish(); }
};

template <class T> class [[nodiscard]] timed_send_operation : public sending_operation<T> {
 public:
  template <class Value>
  timed_send_operation(channel_core& on, Value& value, deadline until) : sending_operation<T>(on, value, until) {}
  bool await_resume() { return this->finish(); }
};

// co_await: std::optional<T>.
template <class T> class [[nodiscard]] receive_operation : private std::optional<item_of<T>>, public channel_operation {
  using got = std::optional<item_of<T>>;

 public:
  receive_operation(channel_core& on, deadline until) noexcept
      : channel_operation(on, side::receive, static_cast<got*>(this), until) {}
  receive_operation(receive_operation&& other) noexcept
      : got(), channel_operation(std::move(other), static_cast<got*>(this)) {}
  [[nodiscard]] bool await_ready() noexcept {
    return begin([this](waiter*& partner) { return on().receive_at_once(static_cast<got&>(*this), partner); });
  }
  std::optional<T> await_resume() {
    (void)this->finish();
    if constexpr (is_boxed<T>)
      return opened<T>(std::move(*static_cast<got*>(this)));
    else
      return std::move(*static_cast<got*>(this));
  }
};

}  // namespace weft::detail
