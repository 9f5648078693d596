// SPDX-License-Identifier: BSL-1.0
// What the async_ functions of streams and listeners return: operations for the co_await of a task.
//
// As in net/wait.hpp: a system call that never blocks, tried first; on EAGAIN a wait, then the next try, which comes
// before the task is resumed. They hold their side of the socket from when they are made until the end of the co_await.
// What they refer to has to live as long; they refer to no task before that.
#pragma once

#include <cstdint>
#include <span>
#include <system_error>
#include <utility>
#include <weft/base/deadline.hpp>
#include <weft/detail/net/socket_handle.hpp>
#include <weft/detail/stackless/operation.hpp>
#include <weft/net/address.hpp>

namespace weft::net {
class listening_socket;
class stream_socket;
}  // namespace weft::net

namespace weft::detail {

class io_operation : public operation {
 protected:
  // `note` null: errors are thrown.
  io_operation(step how, const socket_handle& socket, io_side side, socket_use::how who, deadline until,
               std::error_code* note) noexcept
      : operation(how), until_(until), note_(note), use_(socket, side, who) {}

  // One step, on the task's worker. `attempt(seen)` makes one try: an errno, 0 when all is done, EAGAIN to wait, or one
  // of the two below. `may_wait`: there is something to wait for.
  static constexpr int try_again = -10, pause_first = -11;
  template <class Attempt> bool advance(Attempt&& attempt, bool may_wait = true) noexcept;

  // What it came to. Throws `cancelled`.
  const io_result& result() const;
  // Only for those without a result yet: it has failed before it began.
  void fail_early(int error) noexcept { result_.error = error; }
  // Something was heard, and that ended the last wait.
  [[nodiscard]] bool was_woken() const noexcept { return woken_; }
  [[nodiscard]] const socket_handle& socket() const noexcept { return use_.socket(); }
  [[nodiscard]] io_side side() const noexcept { return use_.side(); }

  // One co_await, one of these in the frame, for as long as the connection lives: nothing is kept twice, and nothing lies
  // in front of `wait_`, which is aligned, but what fills the gap.
  const deadline until_;

 private:
  task_wait wait_;

 protected:
  std::error_code* const note_;
  io_result result_;

 private:
  enum class phase : std::uint8_t { fresh, yielded, waiting, pausing, forgone };
  enum class course : std::uint8_t { on, decided, suspended };

  [[nodiscard]] course go_on() noexcept;
  [[nodiscard]] course wait(std::uint64_t seen) noexcept;
  [[nodiscard]] course pause() noexcept;

  socket_use use_;
  std::uint8_t pauses_ = 0;
  phase phase_ = phase::fresh;
  bool woken_ = false;
  bool cancelled_ = false;
  bool is_over_ = false;  // the deadline has passed, and what is tried now is tried a last time
};

// One on a stream.
class stream_operation : public io_operation {
 protected:
  stream_operation(step how, const net::stream_socket& stream, io_side side, deadline until,
                   std::error_code* note) noexcept;
  [[nodiscard]] const net::stream_socket& stream() const noexcept;
};

// co_await: nothing; the side is ready.
class [[nodiscard]] readiness_operation : public stream_operation {
 public:
  readiness_operation(const net::stream_socket& stream, io_side side, deadline until, std::error_code* note) noexcept
      : stream_operation(&proceed, stream, side, until, note) {}
  void await_resume();

 private:
  static bool proceed(operation& self) noexcept;
  int attempt() noexcept;
};

// co_await: bytes.
class [[nodiscard]] read_operation : public stream_operation {
 public:
  enum class extent : bool { some, whole };

  read_operation(const net::stream_socket& stream, std::span<std::byte> into, extent how_much, deadline until,
                 std::error_code* note) noexcept
      : stream_operation(&proceed, stream, io_side::read, until, note), how_much_(how_much), into_(into) {}
  std::size_t await_resume();

 private:
  static bool proceed(operation& self) noexcept;
  int attempt(std::uint64_t seen) noexcept;

  const extent how_much_;
  const std::span<std::byte> into_;
};

// co_await: bytes.
class [[nodiscard]] write_operation : public stream_operation {
 public:
  using extent = read_operation::extent;

  write_operation(const net::stream_socket& stream, std::span<const std::byte> from, extent how_much, deadline until,
                  std::error_code* note) noexcept
      : stream_operation(&proceed, stream, io_side::write, until, note), how_much_(how_much), from_(from) {}
  std::size_t await_resume();

 private:
  static bool proceed(operation& self) noexcept;
  int attempt() noexcept;

  const extent how_much_;
  const std::span<const std::byte> from_;
};

class accept_step : public io_operation {
 protected:
  accept_step(net::listening_socket& listener, deadline until, std::error_code* note) noexcept;

  net::listening_socket& listener_;
  int fd_ = -1;
  net::address peer_;

 private:
  static bool proceed(operation& self) noexcept;
  int attempt() noexcept;
};

// co_await: a stream.
template <class Listener> class [[nodiscard]] accept_operation : public accept_step {
 public:
  accept_operation(Listener& listener, deadline until, std::error_code* note) noexcept
      : accept_step(listener, until, note) {}
  typename Listener::stream_type await_resume() {
    const int error = result().error;
    return static_cast<Listener&>(listener_).make_stream(fd_, error, peer_, note_);
  }
};

class connect_step : public io_operation {
 protected:
  // The stream is without a socket; it gets one for that address unless `refused` says why not.
  connect_step(net::stream_socket& stream, const net::address& to, int refused, deadline until,
               std::error_code* note) noexcept;
  // Throws, or closes the stream and makes the note.
  void finish();

 private:
  static bool proceed(operation& self) noexcept;
  int attempt() noexcept;

  net::stream_socket& stream_;
  const net::address to_;
};

template <class Stream> struct stream_to_connect { Stream made_; };

// co_await: a stream.
template <class Stream> class [[nodiscard]] connect_operation : private stream_to_connect<Stream>, public connect_step {
 public:
  connect_operation(const net::address& to, int refused, deadline until, std::error_code* note) noexcept
      : connect_step(this->made_, to, refused, until, note) {}
  Stream await_resume();
};

template <class Stream> Stream connect_operation<Stream>::await_resume() {
  finish();
  return std::move(this->made_);
}

}  // namespace weft::detail
