// SPDX-License-Identifier: BSL-1.0
#include <weft/net/udp_socket.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <weft/detail/net/stream_forms.hpp>

#include "net/advance.hpp"
#include "net/datagram_tries.hpp"
#include "net/socket.hpp"
#include "net/text.hpp"

namespace weft::net {

using detail::held_socket;
using detail::io_result;
using detail::io_side;
using detail::running_fiber;
using detail::socket_use;
using detail::socket_wait;

namespace {

int switch_on(int fd, int level, int name, bool wanted) noexcept {
  const int on = 1;
  return wanted && ::setsockopt(fd, level, name, &on, sizeof on) ? errno : 0;
}

int prepare(int fd, const address& local, const udp_options& with) noexcept {
  int error = switch_on(fd, SOL_SOCKET, SO_REUSEADDR, with.reuse_address);
  if (!error) error = switch_on(fd, SOL_SOCKET, SO_REUSEPORT, with.reuse_port);
  if (!error) error = switch_on(fd, SOL_SOCKET, SO_BROADCAST, with.broadcast);
  if (!error && local.family() == AF_INET6) {
    const int only = with.v6_only;  // both ways: the system's default may be either
    error = ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) ? errno : 0;
  }
  if (!error && ::bind(fd, local.data(), local.size())) error = errno;
  return error;
}

}  // namespace

int udp_socket::open(const address& local, const udp_options& with) noexcept {
  if (!local.is_ip()) return EAFNOSUPPORT;
  const int fd = ::socket(local.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  int error = prepare(fd, local, with);
  if (!error) error = attach(fd, kind::other);
  if (error) ::close(fd);
  return error;
}

udp_socket::udp_socket(const address& local, const udp_options& with) {
  if (const int error = open(local, with)) detail::fail_io(error, "udp socket at " + detail::named(local));
}

udp_socket::udp_socket(const address& local, const udp_options& with, std::error_code& ec) {
  detail::or_note({0, open(local, with)}, ec);
}

// --- receiving ---

udp_socket::received udp_socket::receive_one(std::span<std::byte> into, deadline until) {
  received one;
  const socket_use use(*this, io_side::read, socket_use::how::shared);
  if (use.error()) return {{0, use.error()}, {}};
  detail::control_block* const self = running_fiber();
  socket_wait::checkpoint(self, *this);
  const held_socket s(*this);
  one.result = detail::until_done(self, s, io_side::read, until, 0,
                                  [&](auto) { return detail::try_receive_from(s.fd(), into, one.from); });
  return one;
}

void udp_socket::fail_to_receive(int error) const { detail::fail_io(error, describe("receive at")); }

std::pair<std::size_t, address> udp_socket::receive_from(std::span<std::byte> into, deadline until) {
  received one = receive_one(into, until);
  if (one.result.error) fail_to_receive(one.result.error);
  return {one.result.bytes, one.from};
}

std::pair<std::size_t, address> udp_socket::receive_from(std::span<std::byte> into, deadline until,
                                                         std::error_code& ec) {
  received one = receive_one(into, until);
  return {detail::or_note(one.result, ec), one.from};
}

io_result udp_socket::wait_for_input(deadline until) {
  const socket_use use(*this, io_side::read, socket_use::how::shared);
  if (use.error()) return {0, use.error()};
  return detail::wait_until_ready(*this, io_side::read, until);
}

void udp_socket::wait_readable(deadline until) {
  if (const io_result r = wait_for_input(until); r.error) fail_to_receive(r.error);
}

void udp_socket::wait_readable(deadline until, std::error_code& ec) { detail::or_note(wait_for_input(until), ec); }

// --- sending ---

io_result udp_socket::send_one(const_buffer from, const address& to, deadline until) {
  const socket_use use(*this, io_side::write, socket_use::how::shared);
  if (use.error()) return {0, use.error()};
  detail::control_block* const self = running_fiber();
  socket_wait::checkpoint(self, *this);
  const held_socket s(*this);
  return detail::until_done(self, s, io_side::write, until, 0,
                            [&](auto) { return detail::try_send_to(s.fd(), from, to); });
}

void udp_socket::fail_to_send(int error, const address& to) const {
  std::string text = describe("send from");
  if (to.size()) text += " to " + to.to_string();
  detail::fail_io(error, text);
}

std::size_t udp_socket::send_to(const_buffer from, const address& to, deadline until) {
  const io_result r = send_one(from, to, until);
  if (r.error) fail_to_send(r.error, to);
  return r.bytes;
}

std::size_t udp_socket::send_to(const_buffer from, const address& to, deadline until, std::error_code& ec) {
  return detail::or_note(send_one(from, to, until), ec);
}

// --- the rest ---

io_result udp_socket::connect_now(const address& peer) {
  const socket_use use(*this);
  if (use.error()) return {0, use.error()};
  const int fd = socket_wait::fd(*this);
  if (peer.size()) return {0, ::connect(fd, peer.data(), peer.size()) ? errno : 0};
  const std::uint16_t port = detail::local_address(fd).port();
  const sockaddr nobody{AF_UNSPEC, {}};
  if (::connect(fd, &nobody, sizeof nobody)) return {0, errno};
  // Of a port that it had chosen itself the kernel lets go here.
  const address now = detail::local_address(fd);
  if (now.port() == port) return {};
  const address before = now.with_port(port);
  return {0, ::bind(fd, before.data(), before.size()) ? errno : 0};
}

void udp_socket::connect(const address& peer) {
  if (const io_result r = connect_now(peer); r.error)
    detail::fail_io(r.error, describe("connect from") + " to " + peer.to_string());
}

void udp_socket::connect(const address& peer, std::error_code& ec) { detail::or_note(connect_now(peer), ec); }

address udp_socket::local() const {
  const socket_use use(*this);
  if (use.error()) detail::fail_io(use.error(), describe("local address of"));
  return detail::local_address(socket_wait::fd(*this));
}

address udp_socket::remote() const {
  const socket_use use(*this);
  if (use.error()) detail::fail_io(use.error(), describe("remote address of"));
  return detail::remote_address(socket_wait::fd(*this));
}

std::string udp_socket::describe(const char* doing) const {
  const socket_use use(*this);  // or the number may be somebody else's
  if (use.error()) return std::string(doing) + " a udp socket that is not open";
  return std::string(doing) + " udp " + detail::local_address(socket_wait::fd(*this)).to_string();
}

udp_socket udp_socket::adopt(int fd) {
  std::error_code ec;
  udp_socket socket = adopt(fd, ec);
  if (ec) detail::fail_io(ec.value(), "adopt fd " + std::to_string(fd) + " as a udp_socket");
  return socket;
}

udp_socket udp_socket::adopt(int fd, std::error_code& ec) {
  udp_socket socket;
  int error = detail::check_socket(fd, SOCK_DGRAM, AF_INET, AF_INET6);
  if (!error) error = socket.attach(fd, kind::other);
  detail::or_note({0, error}, ec);
  return socket;
}

}  // namespace weft::net

// --- for tasks ---

namespace weft::detail {

receive_from_operation::receive_from_operation(const net::udp_socket& socket, std::span<std::byte> into, deadline until,
                                               std::error_code* note) noexcept
    : io_operation(&proceed, socket, io_side::read, socket_use::how::shared, until, note), at_(socket), into_(into) {}

bool receive_from_operation::proceed(operation& self) noexcept {
  auto& me = static_cast<receive_from_operation&>(self);
  return me.advance([&me](std::uint64_t) {
    const io_result r = try_receive_from(socket_wait::fd(me.at_), me.into_, me.from_);
    me.result_.bytes = r.bytes;
    return r.error;
  });
}

std::pair<std::size_t, net::address> receive_from_operation::await_resume() {
  const io_result& r = result();
  if (r.error && !note_) at_.fail_to_receive(r.error);
  return {r.bytes, from_};
}

send_to_operation::send_to_operation(const net::udp_socket& socket, std::span<const std::byte> from,
                                     const net::address& to, deadline until, std::error_code* note) noexcept
    : io_operation(&proceed, socket, io_side::write, socket_use::how::shared, until, note),
      at_(socket),
      from_(from),
      to_(to) {}

bool send_to_operation::proceed(operation& self) noexcept {
  auto& me = static_cast<send_to_operation&>(self);
  return me.advance([&me](std::uint64_t) {
    const io_result r = try_send_to(socket_wait::fd(me.at_), me.from_, me.to_);
    me.result_.bytes = r.bytes;
    return r.error;
  });
}

std::size_t send_to_operation::await_resume() {
  const io_result& r = result();
  if (r.error && !note_) at_.fail_to_send(r.error, to_);
  return r.bytes;
}

}  // namespace weft::detail
