// SPDX-License-Identifier: BSL-1.0
#include <weft/net/unix_stream.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <weft/base/error.hpp>

#include "net/socket.hpp"

namespace weft::net {

unix_stream unix_stream::connect(const address& to, deadline until) {
  unix_stream stream;
  const auto r = to.is_unix() ? stream.connect_to(to, until) : detail::io_result{0, EAFNOSUPPORT};
  if (r.error) stream.fail_to_connect(r.error, to);
  return stream;
}

unix_stream unix_stream::connect(const address& to, deadline until, std::error_code& ec) {
  unix_stream stream;
  or_note(to.is_unix() ? stream.connect_to(to, until) : detail::io_result{0, EAFNOSUPPORT}, ec);
  if (ec) stream.close();
  return stream;
}

std::pair<unix_stream, unix_stream> unix_stream::pair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds))
    detail::throw_errno(errno, "unix_stream::pair");
  std::pair<unix_stream, unix_stream> both;
  const int first = both.first.own(fds[0], kind::other, {});
  const int second = both.second.own(fds[1], kind::other, {});  // closes its fd even if the first failed
  if (first || second) detail::throw_errno(first ? first : second, "unix_stream::pair");
  return both;
}

namespace {

int unless_unix(const address& to) noexcept { return to.is_unix() ? 0 : EAFNOSUPPORT; }

}  // namespace

unix_stream::connecting unix_stream::async_connect(const address& to, deadline until) noexcept {
  return connecting(to, unless_unix(to), until, nullptr);
}

unix_stream::connecting unix_stream::async_connect(const address& to, std::error_code& ec) noexcept {
  return connecting(to, unless_unix(to), never, &ec);
}

unix_stream::connecting unix_stream::async_connect(const address& to, deadline until, std::error_code& ec) noexcept {
  return connecting(to, unless_unix(to), until, &ec);
}

unix_stream unix_stream::adopt(int fd) {
  unix_stream stream;
  if (const int error = stream.take_over(fd, AF_UNIX, AF_UNIX)) fail_to_adopt(error, fd, "unix_stream");
  return stream;
}

unix_stream unix_stream::adopt(int fd, std::error_code& ec) {
  unix_stream stream;
  or_note({0, stream.take_over(fd, AF_UNIX, AF_UNIX)}, ec);
  return stream;
}

}  // namespace weft::net
