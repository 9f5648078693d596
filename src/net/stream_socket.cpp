// SPDX-License-Identifier: BSL-1.0
// Reading and writing stream sockets: tries that never block, and waits between them.
#include <weft/net/stream_socket.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <weft/base/error.hpp>

#include "net/attempts.hpp"
#include "net/socket.hpp"
#include "net/stream_tries.hpp"
#include "net/text.hpp"

namespace weft::net {

using detail::control_block;
using detail::deadline_passed;
using detail::held_socket;
using detail::io_result;
using detail::io_side;
using detail::running_fiber;
using detail::socket_use;
using detail::socket_wait;
using detail::stream_ended;
using detail::until_all;
using detail::until_done;

namespace {

io_result read_step(control_block* self, const held_socket& s, std::span<std::byte> into, deadline until) {
  socket_wait::checkpoint(self, s.socket());
  if (into.empty()) return {};
  return until_done(self, s, io_side::read, until, socket_wait::drained(s.socket()),
                    [&](auto seen) { return detail::read_once(s.state(), s.fd(), into, seen); });
}

io_result write_step(control_block* self, const held_socket& s, const_buffer from, deadline until) {
  socket_wait::checkpoint(self, s.socket());
  if (from.empty()) return {};
  return until_done(self, s, io_side::write, until, 0, [&](auto) { return detail::try_send(s.fd(), from); });
}

io_result write_step(control_block* self, const held_socket& s, std::span<const const_buffer> from, std::size_t skip,
                     deadline until) {
  socket_wait::checkpoint(self, s.socket());
  detail::gathered parts(from, skip);
  if (parts.empty()) return {};
  return until_done(self, s, io_side::write, until, 0, [&](auto) { return parts.try_send(s.fd()); });
}

}  // namespace

int stream_socket::own(int fd, kind what, const address& peer) noexcept {
  const int error = attach(fd, what, peer);
  if (error) ::close(fd);
  return error;
}

int stream_socket::attach(int fd, kind what, const address& peer) noexcept {
  peer_ = detail::peer_name::of(peer);
  return socket_handle::attach(fd, what);
}

int stream_socket::take_over(int fd, int family, int other_family) noexcept {
  if (const int error = detail::check_socket(fd, SOCK_STREAM, family, other_family)) return error;
  return attach(fd, family == AF_UNIX ? kind::other : kind::ask, detail::remote_address(fd));
}

// --- reading ---

io_result stream_socket::read(std::span<std::byte> into, deadline until) {
  const socket_use use(*this, io_side::read, socket_use::how::alone);
  if (use.error()) return {0, use.error()};
  return read_step(running_fiber(), held_socket(*this), into, until);
}

io_result stream_socket::read(lazy_buffer& into, deadline until) {
  const socket_use use(*this, io_side::read, socket_use::how::alone);
  if (use.error()) return {0, use.error()};
  control_block* const self = running_fiber();
  socket_wait::checkpoint(self, *this);
  const held_socket s(*this);
  return until_done(self, s, io_side::read, until, socket_wait::drained(*this), [&](auto seen) {
    const io_result r = detail::read_once(s.state(), s.fd(), into.take(), seen);
    if (!r.bytes) into.give_back();
    return r;
  });
}

io_result stream_socket::read_all(std::span<std::byte> into, deadline until) {
  const socket_use use(*this, io_side::read, socket_use::how::alone);
  if (use.error()) return {0, use.error()};
  control_block* const self = running_fiber();
  const held_socket s(*this);
  return until_all(into.size(), [&](std::size_t done) {
    io_result r = read_step(self, s, into.subspan(done), until);
    if (!r.error && !r.bytes && !into.empty()) r.error = stream_ended;
    return r;
  });
}

io_result stream_socket::try_read(std::span<std::byte> into) {
  const socket_use use(*this, io_side::read, socket_use::how::alone);
  if (use.error()) return {0, use.error()};
  socket_wait::checkpoint(running_fiber(), *this);
  if (into.empty()) return {};
  return detail::read_once(*state_, fd_, into, socket_wait::about_to_try(*this, io_side::read));
}

// --- writing ---

io_result stream_socket::write(const_buffer from, deadline until) {
  const socket_use use(*this, io_side::write, socket_use::how::alone);
  if (use.error()) return {0, use.error()};
  return write_step(running_fiber(), held_socket(*this), from, until);
}

io_result stream_socket::write(std::span<const const_buffer> from, deadline until) {
  const socket_use use(*this, io_side::write, socket_use::how::alone);
  if (use.error()) return {0, use.error()};
  return write_step(running_fiber(), held_socket(*this), from, 0, until);
}

io_result stream_socket::write_all_of(const_buffer from, deadline until) {
  const socket_use use(*this, io_side::write, socket_use::how::alone);
  if (use.error()) return {0, use.error()};
  control_block* const self = running_fiber();
  const held_socket s(*this);
  return until_all(from.size(), [&](std::size_t done) { return write_step(self, s, from.subspan(done), until); });
}

io_result stream_socket::write_all_of(std::span<const const_buffer> from, deadline until) {
  const socket_use use(*this, io_side::write, socket_use::how::alone);
  if (use.error()) return {0, use.error()};
  control_block* const self = running_fiber();
  const held_socket s(*this);
  std::size_t total = 0;
  for (const auto& buffer : from) total += buffer.size();
  // The buffers that are done go; what was sent of the next is skipped.
  std::size_t gone = 0;
  return until_all(total, [&](std::size_t done) {
    while (!from.empty() && done - gone >= from.front().size()) {
      gone += from.front().size();
      from = from.subspan(1);
    }
    return write_step(self, s, from, done - gone, until);
  });
}

io_result stream_socket::try_write(const_buffer from) {
  const socket_use use(*this, io_side::write, socket_use::how::alone);
  if (use.error()) return {0, use.error()};
  socket_wait::checkpoint(running_fiber(), *this);
  return from.empty() ? io_result{} : detail::try_send(fd_, from);
}

// --- the rest ---

io_result stream_socket::wait_for_input(deadline until) {
  const socket_use use(*this, io_side::read, socket_use::how::alone);
  return use.error() ? io_result{0, use.error()} : detail::wait_until_ready(*this, io_side::read, until);
}

io_result stream_socket::wait_for_room(deadline until) {
  const socket_use use(*this, io_side::write, socket_use::how::alone);
  return use.error() ? io_result{0, use.error()} : detail::wait_until_ready(*this, io_side::write, until);
}

io_result stream_socket::shut_down() {
  const socket_use use(*this);
  if (use.error()) return {0, use.error()};
  return {0, ::shutdown(fd_, SHUT_WR) ? errno : 0};
}

io_result stream_socket::set_option(int level, int name, int value) {
  const socket_use use(*this);
  if (use.error()) return {0, use.error()};
  return {0, ::setsockopt(fd_, level, name, &value, sizeof value) ? errno : 0};
}

address stream_socket::local() const {
  const socket_use use(*this);
  if (use.error()) fail(use.error(), "local address of the connection to");
  return detail::local_address(fd_);
}

address stream_socket::remote() const {
  const socket_use use(*this);
  if (use.error()) fail(use.error(), "remote address of the connection to");
  const address known = peer_.to_address();
  if (known.is_ip() && !peer_.names_any()) return known;
  const address now = detail::remote_address(fd_);
  return now.size() ? now : known;
}

std::string stream_socket::describe(const char* doing, int error) const {
  std::string text = doing;
  text += ' ';
  const socket_use use(*this);  // or the number may be somebody else's
  if (const address peer = peer_.to_address(); peer.is_ip())
    text += peer.to_string();
  else if (fd_ < 0)
    text += "a stream that is not open";
  else if (use.error())
    text += "a closed stream";
  else
    text += detail::unix_peer_text(fd_);
  if (error == EINPROGRESS) text += ": another one is at it";
  return text;
}

void stream_socket::fail(int error, const char* doing) const {
  const auto text = describe(doing, error);
  if (error == deadline_passed) throw timed_out(text.c_str());
  throw std::system_error(detail::to_error_code(error), text);
}

void stream_socket::fail_to_connect(int error, const address& to) const {
  const std::string text = "connect to " + detail::named(to);
  if (error == deadline_passed) throw timed_out(text.c_str());
  throw std::system_error(detail::to_error_code(error), text);
}

void stream_socket::fail_to_adopt(int error, int fd, const char* as) {
  throw std::system_error(detail::to_error_code(error), "adopt fd " + std::to_string(fd) + " as a " + as);
}

void stream_socket::fail_partly(io_result r, const char* doing) const {
  const auto text = describe(doing, r.error);
  if (r.error == stream_ended) throw end_of_stream(text, r.bytes);
  throw partial_io(detail::to_error_code(r.error), text, r.bytes);
}

}  // namespace weft::net
