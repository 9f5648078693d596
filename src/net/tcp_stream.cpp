// SPDX-License-Identifier: BSL-1.0
#include <weft/net/tcp_stream.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "net/socket.hpp"

namespace weft::net {

tcp_stream tcp_stream::connect(const address& to, deadline until) {
  tcp_stream stream;
  const auto r = to.is_ip() ? stream.connect_to(to, until) : detail::io_result{0, EAFNOSUPPORT};
  if (r.error) stream.fail_to_connect(r.error, to);
  return stream;
}

tcp_stream tcp_stream::connect(const address& to, deadline until, std::error_code& ec) {
  tcp_stream stream;
  or_note(to.is_ip() ? stream.connect_to(to, until) : detail::io_result{0, EAFNOSUPPORT}, ec);
  if (ec) stream.close();
  return stream;
}

namespace {

int unless_ip(const address& to) noexcept { return to.is_ip() ? 0 : EAFNOSUPPORT; }

}  // namespace

tcp_stream::connecting tcp_stream::async_connect(const address& to, deadline until) noexcept {
  return connecting(to, unless_ip(to), until, nullptr);
}

tcp_stream::connecting tcp_stream::async_connect(const address& to, std::error_code& ec) noexcept {
  return connecting(to, unless_ip(to), never, &ec);
}

tcp_stream::connecting tcp_stream::async_connect(const address& to, deadline until, std::error_code& ec) noexcept {
  return connecting(to, unless_ip(to), until, &ec);
}

tcp_stream tcp_stream::adopt(int fd) {
  tcp_stream stream;
  if (const int error = stream.take_over(fd, AF_INET, AF_INET6)) fail_to_adopt(error, fd, "tcp_stream");
  return stream;
}

tcp_stream tcp_stream::adopt(int fd, std::error_code& ec) {
  tcp_stream stream;
  or_note({0, stream.take_over(fd, AF_INET, AF_INET6)}, ec);
  return stream;
}

void tcp_stream::set_no_delay(bool on) { or_throw(set_option(IPPROTO_TCP, TCP_NODELAY, on), "set_no_delay for"); }

void tcp_stream::set_no_delay(bool on, std::error_code& ec) { or_note(set_option(IPPROTO_TCP, TCP_NODELAY, on), ec); }

void tcp_stream::set_keep_alive(bool on) { or_throw(set_option(SOL_SOCKET, SO_KEEPALIVE, on), "set_keep_alive for"); }

void tcp_stream::set_keep_alive(bool on, std::error_code& ec) { or_note(set_option(SOL_SOCKET, SO_KEEPALIVE, on), ec); }

}  // namespace weft::net
