// SPDX-License-Identifier: BSL-1.0
// A connected stream socket: what tcp_stream and unix_stream have in common, in every form.
//
// Each operation is a system call that never blocks, tried first, and a wait between two tries. The forms differ only
// in what becomes of the result: thrown, or left in an error_code. `cancelled` is thrown by all of them. What is thrown
// else is a std::system_error that names the peer: timed_out for the deadline, bad_file_descriptor when it is not open. A
// deadline counts only where there is something to wait for: one in the past still takes what is there, and else times out
// at once.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <weft/base/deadline.hpp>
#include <weft/detail/net/async.hpp>
#include <weft/detail/net/peer_name.hpp>
#include <weft/detail/net/socket_handle.hpp>
#include <weft/net/address.hpp>
#include <weft/net/error.hpp>
#include <weft/net/stream.hpp>

namespace weft::detail {
struct peer_access;
}

namespace weft::net {

class stream_socket : public detail::socket_handle {
 public:
  // Reads what is there, at most the span; waits only if there is nothing. 0: the end of the stream (or an empty span).
  std::size_t read_some(std::span<std::byte> into, deadline until = never) {
    return or_throw(read(into, until), reading);
  }
  std::size_t read_some(std::span<std::byte> into, std::error_code& ec) { return or_note(read(into, never), ec); }
  std::size_t read_some(std::span<std::byte> into, deadline until, std::error_code& ec) {
    return or_note(read(into, until), ec);
  }

  // The same into memory that is taken only when there is something to read.
  std::size_t read_some(lazy_buffer& into, deadline until = never) { return or_throw(read(into, until), reading); }
  std::size_t read_some(lazy_buffer& into, deadline until, std::error_code& ec) {
    return or_note(read(into, until), ec);
  }

  // Never waits: operation_would_block if there is nothing now.
  std::size_t try_read_some(std::span<std::byte> into, std::error_code& ec) { return or_note(try_read(into), ec); }

  // Waits until a read would not. The end of the stream and errors count as readable.
  void wait_readable(deadline until = never) { or_throw(wait_for_input(until), reading); }
  void wait_readable(std::error_code& ec) { or_note(wait_for_input(never), ec); }
  void wait_readable(deadline until, std::error_code& ec) { or_note(wait_for_input(until), ec); }

  // Fills the whole span. Throws partial_io, or end_of_stream. The forms with an error_code return what they read.
  void read_exact(std::span<std::byte> into, deadline until = never) { all_or_throw(read_all(into, until), reading); }
  std::size_t read_exact(std::span<std::byte> into, std::error_code& ec) { return or_note(read_all(into, never), ec); }
  std::size_t read_exact(std::span<std::byte> into, deadline until, std::error_code& ec) {
    return or_note(read_all(into, until), ec);
  }

  // Gives the kernel what it takes now; waits only if it takes nothing.
  std::size_t write_some(const_buffer from, deadline until = never) { return or_throw(write(from, until), writing); }
  std::size_t write_some(const_buffer from, std::error_code& ec) { return or_note(write(from, never), ec); }
  std::size_t write_some(const_buffer from, deadline until, std::error_code& ec) {
    return or_note(write(from, until), ec);
  }

  // One after the other, as if they were one buffer.
  std::size_t write_some(std::span<const const_buffer> from, deadline until = never) {
    return or_throw(write(from, until), writing);
  }
  std::size_t write_some(std::span<const const_buffer> from, std::error_code& ec) {
    return or_note(write(from, never), ec);
  }
  std::size_t write_some(std::span<const const_buffer> from, deadline until, std::error_code& ec) {
    return or_note(write(from, until), ec);
  }

  // Never waits: operation_would_block if the kernel takes nothing now.
  std::size_t try_write_some(const_buffer from, std::error_code& ec) { return or_note(try_write(from), ec); }

  void wait_writable(deadline until = never) { or_throw(wait_for_room(until), writing); }
  void wait_writable(std::error_code& ec) { or_note(wait_for_room(never), ec); }
  void wait_writable(deadline until, std::error_code& ec) { or_note(wait_for_room(until), ec); }

  // Writes everything. Throws partial_io. The forms with an error_code return what they wrote.
  void write_all(const_buffer from, deadline until = never) { all_or_throw(write_all_of(from, until), writing); }
  std::size_t write_all(const_buffer from, std::error_code& ec) { return or_note(write_all_of(from, never), ec); }
  std::size_t write_all(const_buffer from, deadline until, std::error_code& ec) {
    return or_note(write_all_of(from, until), ec);
  }
  void write_all(std::string_view from, deadline until = never) { write_all(bytes_of(from), until); }
  std::size_t write_all(std::string_view from, std::error_code& ec) { return write_all(bytes_of(from), ec); }
  std::size_t write_all(std::string_view from, deadline until, std::error_code& ec) {
    return write_all(bytes_of(from), until, ec);
  }
  void write_all(std::span<const const_buffer> from, deadline until = never) {
    all_or_throw(write_all_of(from, until), writing);
  }
  std::size_t write_all(std::span<const const_buffer> from, std::error_code& ec) {
    return or_note(write_all_of(from, never), ec);
  }
  std::size_t write_all(std::span<const const_buffer> from, deadline until, std::error_code& ec) {
    return or_note(write_all_of(from, until), ec);
  }

  // For tasks (<weft/stackless.hpp>): `co_await` gives or throws what the function of the same name does. The span has to
  // live until then. When `cancelled` leaves a whole read or write, a part of it may have been done.
  [[nodiscard]] detail::read_operation async_read_some(std::span<std::byte> into, deadline until = never) noexcept {
    return {*this, into, some, until, nullptr};
  }
  [[nodiscard]] detail::read_operation async_read_some(std::span<std::byte> into, std::error_code& ec) noexcept {
    return {*this, into, some, never, &ec};
  }
  [[nodiscard]] detail::read_operation async_read_some(std::span<std::byte> into, deadline until,
                                                       std::error_code& ec) noexcept {
    return {*this, into, some, until, &ec};
  }
  [[nodiscard]] detail::read_operation async_read_exact(std::span<std::byte> into, deadline until = never) noexcept {
    return {*this, into, whole, until, nullptr};
  }
  [[nodiscard]] detail::read_operation async_read_exact(std::span<std::byte> into, std::error_code& ec) noexcept {
    return {*this, into, whole, never, &ec};
  }
  [[nodiscard]] detail::read_operation async_read_exact(std::span<std::byte> into, deadline until,
                                                        std::error_code& ec) noexcept {
    return {*this, into, whole, until, &ec};
  }
  [[nodiscard]] detail::write_operation async_write_some(const_buffer from, deadline until = never) noexcept {
    return {*this, from, some, until, nullptr};
  }
  [[nodiscard]] detail::write_operation async_write_some(const_buffer from, std::error_code& ec) noexcept {
    return {*this, from, some, never, &ec};
  }
  [[nodiscard]] detail::write_operation async_write_some(const_buffer from, deadline until,
                                                         std::error_code& ec) noexcept {
    return {*this, from, some, until, &ec};
  }
  [[nodiscard]] detail::write_operation async_write_all(const_buffer from, deadline until = never) noexcept {
    return {*this, from, whole, until, nullptr};
  }
  [[nodiscard]] detail::write_operation async_write_all(const_buffer from, std::error_code& ec) noexcept {
    return {*this, from, whole, never, &ec};
  }
  [[nodiscard]] detail::write_operation async_write_all(const_buffer from, deadline until,
                                                        std::error_code& ec) noexcept {
    return {*this, from, whole, until, &ec};
  }
  [[nodiscard]] detail::write_operation async_write_all(std::string_view from, deadline until = never) noexcept {
    return async_write_all(bytes_of(from), until);
  }
  [[nodiscard]] detail::write_operation async_write_all(std::string_view from, std::error_code& ec) noexcept {
    return async_write_all(bytes_of(from), ec);
  }
  [[nodiscard]] detail::write_operation async_write_all(std::string_view from, deadline until,
                                                        std::error_code& ec) noexcept {
    return async_write_all(bytes_of(from), until, ec);
  }

  // A task that reads by `try_read_some` into memory of its caller's stack keeps no buffer in its frame while it waits.
  [[nodiscard]] detail::readiness_operation async_wait_readable(deadline until = never) noexcept {
    return {*this, detail::io_side::read, until, nullptr};
  }
  [[nodiscard]] detail::readiness_operation async_wait_readable(std::error_code& ec) noexcept {
    return {*this, detail::io_side::read, never, &ec};
  }
  [[nodiscard]] detail::readiness_operation async_wait_readable(deadline until, std::error_code& ec) noexcept {
    return {*this, detail::io_side::read, until, &ec};
  }
  [[nodiscard]] detail::readiness_operation async_wait_writable(deadline until = never) noexcept {
    return {*this, detail::io_side::write, until, nullptr};
  }
  [[nodiscard]] detail::readiness_operation async_wait_writable(std::error_code& ec) noexcept {
    return {*this, detail::io_side::write, never, &ec};
  }
  [[nodiscard]] detail::readiness_operation async_wait_writable(deadline until, std::error_code& ec) noexcept {
    return {*this, detail::io_side::write, until, &ec};
  }

  // The peer reads the end of the stream after what was written; reading goes on.
  void shutdown_write() { or_throw(shut_down(), "shut down the connection to"); }
  void shutdown_write(std::error_code& ec) { or_note(shut_down(), ec); }

  [[nodiscard]] address local() const;
  [[nodiscard]] address remote() const;

 protected:
  stream_socket() noexcept = default;
  stream_socket(stream_socket&&) noexcept = default;
  stream_socket& operator=(stream_socket&&) noexcept = default;
  ~stream_socket() = default;

  // Owns `fd` from here on; closes it and returns an errno if that fails.
  [[nodiscard]] int own(int fd, kind what, const address& peer) noexcept;
  // The same for an fd that stays the caller's when this returns an errno.
  [[nodiscard]] int take_over(int fd, int family, int other_family) noexcept;
  // May park. Makes a socket and connects it; both only on an object without a socket.
  detail::io_result connect_to(const address& to, deadline until);
  // The two steps of it, which never wait. An errno, or 0; the second again and again while it says EINPROGRESS, or
  // EAGAIN because the backlog of a unix listener is full, and the kernel tells nobody when it has room again.
  [[nodiscard]] int open_for(const address& to) noexcept;
  [[nodiscard]] int connect_now(const address& to) noexcept;

  static constexpr auto some = detail::read_operation::extent::some, whole = detail::read_operation::extent::whole;
  static constexpr const char* reading = "read from";
  static constexpr const char* writing = "write to";

  static const_buffer bytes_of(std::string_view text) noexcept { return std::as_bytes(std::span(text)); }

  std::size_t or_throw(detail::io_result r, const char* doing) const {
    if (r.error) [[unlikely]]
      fail(r.error, doing);
    return r.bytes;
  }
  void all_or_throw(detail::io_result r, const char* doing) const {
    if (r.error) [[unlikely]]
      fail_partly(r, doing);
  }
  static std::size_t or_note(detail::io_result r, std::error_code& ec) noexcept {
    ec = r.error ? detail::to_error_code(r.error) : std::error_code();
    return r.bytes;
  }

  // "read from 127.0.0.1:80"
  [[nodiscard]] std::string describe(const char* doing, int error) const;
  [[noreturn, gnu::cold]] void fail(int error, const char* doing) const;
  [[noreturn, gnu::cold]] void fail_partly(detail::io_result r, const char* doing) const;

  [[noreturn, gnu::cold]] void fail_to_connect(int error, const address& to) const;
  [[noreturn, gnu::cold]] static void fail_to_adopt(int error, int fd, const char* as);

  // The operations. May park, but for the try forms; each holds its side of the socket all the while.
  detail::io_result read(std::span<std::byte> into, deadline until);
  detail::io_result read(lazy_buffer& into, deadline until);
  detail::io_result read_all(std::span<std::byte> into, deadline until);
  detail::io_result try_read(std::span<std::byte> into);
  detail::io_result write(const_buffer from, deadline until);
  detail::io_result write(std::span<const const_buffer> from, deadline until);
  detail::io_result write_all_of(const_buffer from, deadline until);
  detail::io_result write_all_of(std::span<const const_buffer> from, deadline until);
  detail::io_result try_write(const_buffer from);
  detail::io_result wait_for_input(deadline until);
  detail::io_result wait_for_room(deadline until);
  detail::io_result shut_down();
  detail::io_result set_option(int level, int name, int value);

 private:
  friend struct detail::peer_access;
  friend class detail::readiness_operation;
  friend class detail::read_operation;
  friend class detail::write_operation;
  friend class detail::connect_step;

  [[nodiscard]] int attach(int fd, kind what, const address& peer) noexcept;

  detail::peer_name peer_;
};

}  // namespace weft::net

// What a server remembers of a connection whose stream it has given away.
struct weft::detail::peer_access {
  static peer_name of(const net::stream_socket& s) noexcept { return s.peer_; }
};
