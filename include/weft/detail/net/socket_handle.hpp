// SPDX-License-Identifier: BSL-1.0
// A socket that its user owns: the fd, who uses it, and what the poller knows of it. The base of streams and listeners.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <weft/detail/net/use_word.hpp>

namespace weft::detail {

class descriptor;  // floor 3; here only a name

// What an operation has come to. `error` is an errno, one of the values below, or 0.
struct [[nodiscard]] io_result {
  std::size_t bytes = 0;
  int error = 0;
};
inline constexpr int deadline_passed = -1;  // as against ETIMEDOUT, which says that the network gave up
inline constexpr int stream_ended = -2;

[[nodiscard]] std::error_code to_error_code(int error) noexcept;

class socket_handle {
 public:
  socket_handle() noexcept = default;
  // Nobody may be using either object.
  socket_handle(socket_handle&& other) noexcept { take(other); }
  socket_handle& operator=(socket_handle&& other) noexcept {
    if (this != &other) {
      close();
      take(other);
    }
    return *this;
  }
  ~socket_handle() { close(); }

  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0 && !use_.is_closed(); }

  // Any thread. Wakes whoever waits on it with operation_canceled; the fd goes when the last of them has left.
  void close() noexcept;

  // The fd, or -1. From then on weft no longer trusts what it knows of the socket: one system call more per short read.
  [[nodiscard]] int native_handle() const noexcept {
    if (!is_open()) return -1;
    if (!use_.is_exposed()) use_.expose();
    return fd_;
  }

  // Gives the fd away as it is: weft's own are non-blocking. Throws device_or_resource_busy while somebody uses it,
  // bad_file_descriptor when there is none.
  [[nodiscard]] int release();

 protected:
  friend class socket_use;
  friend struct socket_wait;

  // Whether a short read leaves nothing behind; `ask` leaves that to the kernel.
  enum class kind { plain_tcp, other, ask };
  // Owns `fd` from here on. An errno, and it does not; or 0. Only on an object without a socket.
  [[nodiscard]] int attach(int fd, kind what) noexcept;
  void take(socket_handle& other) noexcept;
  void close_fd() const noexcept;  // [use-3]

  int fd_ = -1;
  mutable std::atomic<std::uint8_t> streak_{0};  // operations that did not wait, in a row
  mutable use_word use_;
  descriptor* state_ = nullptr;
};

// An operation's hold on a socket [use-1], from its first system call to its last. Leaving may close the fd.
class socket_use {
 public:
  // On a side alone, or with others; or on none, which is for questions and options.
  enum class how : std::uint8_t { alone, shared, guest };

  [[gnu::always_inline]] socket_use(const socket_handle& socket, io_side side, how who) noexcept
      : socket_(socket), side_(side), who_(who), entry_(enter(socket, side, who)) {}
  explicit socket_use(const socket_handle& socket) noexcept : socket_use(socket, io_side::read, how::guest) {}
  socket_use(const socket_use&) = delete;
  socket_use& operator=(const socket_use&) = delete;
  [[gnu::always_inline]] ~socket_use() {
    if (entry_ != use_word::entry::granted) return;
    if (who_ == how::guest ? socket_.use_.leave_as_guest() : socket_.use_.leave(side_)) [[unlikely]]
      socket_.close_fd();
  }

  // 0, or why the operation may not begin: EBADF, or EINPROGRESS when the side is in use.
  [[nodiscard]] int error() const noexcept {
    if (entry_ == use_word::entry::granted) [[likely]]
      return 0;
    return entry_ == use_word::entry::busy ? EINPROGRESS : EBADF;
  }
  [[nodiscard]] const socket_handle& socket() const noexcept { return socket_; }
  [[nodiscard]] io_side side() const noexcept { return side_; }

 private:
  [[gnu::always_inline]] static use_word::entry enter(const socket_handle& socket, io_side side, how who) noexcept {
    if (socket.fd_ < 0) [[unlikely]]
      return use_word::entry::closed;
    if (who == how::alone) return socket.use_.enter_alone(side);
    return who == how::shared ? socket.use_.enter(side) : socket.use_.enter_as_guest();
  }

  const socket_handle& socket_;
  const io_side side_;
  const how who_;
  const use_word::entry entry_;
};

}  // namespace weft::detail
