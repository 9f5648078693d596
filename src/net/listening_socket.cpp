// SPDX-License-Identifier: BSL-1.0
// Listening and accepting.
#include <weft/net/listening_socket.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <weft/base/error.hpp>

#include "net/attempts.hpp"
#include "net/socket.hpp"
#include "net/text.hpp"

namespace weft::net {

using detail::deadline_passed;
using detail::io_side;
using detail::socket_wait;

namespace {

bool set(int fd, int level, int name, bool on) noexcept {
  const int value = on;
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

// An errno, or 0.
int bind_to(int fd, const address& at, const listen_options& with) noexcept {
  if (at.is_ip()) {
    if (!set(fd, SOL_SOCKET, SO_REUSEADDR, with.reuse_address)) return errno;
    if (with.reuse_port && !set(fd, SOL_SOCKET, SO_REUSEPORT, true)) return errno;
    if (at.family() == AF_INET6 && !set(fd, IPPROTO_IPV6, IPV6_V6ONLY, with.v6_only)) return errno;
  }
  return ::bind(fd, at.data(), at.size()) ? errno : 0;
}

// What accept(2) says of the connection, not of the listener: that one is gone, the next may be well.
bool concerns_connection(int error) noexcept {
  switch (error) {
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
      return true;
    default:
      return false;
  }
}

}  // namespace

int listening_socket::listen(const address& at, const listen_options& with) noexcept {
  local_ = at;
  const int fd = detail::make_stream_socket(at.family());
  if (fd < 0) return -fd;
  int error = bind_to(fd, at, with);
  if (!error && (error = listen_at(fd, with.backlog))) {
    if (const char* made = detail::file_of(at)) ::unlink(made);
  }
  if (error) ::close(fd);
  return error;
}

int listening_socket::listen_at(int fd, int backlog) noexcept {
  if (::listen(fd, backlog)) return errno;
  if (const address chosen = detail::local_address(fd); chosen.size()) local_ = chosen;
  // What accepted connections are, they are by the listener: so it is asked once.
  kind_ = local_.is_ip() && detail::descriptor::ask_kernel(fd) == detail::short_reads::mean_drained ? kind::plain_tcp
                                                                                                    : kind::other;
  return attach(fd, kind::other);
}

listening_socket::accepted listening_socket::accept_one(deadline until) {
  const detail::socket_use use(*this, io_side::read, detail::socket_use::how::shared);
  if (use.error()) return {-1, use.error(), {}};
  detail::control_block* const self = detail::running_fiber();
  socket_wait::checkpoint(self, *this);
  accepted one;
  const detail::held_socket s(*this);
  one.error = detail::until_done(self, s, io_side::read, until, 0, [&](auto) {
                one = accept_now();
                return detail::io_result{0, one.error};
              }).error;
  return one;
}

listening_socket::accepted listening_socket::accept_now() noexcept {
  for (;;) {
    sockaddr_storage native;
    socklen_t size = sizeof native;
    const int fd = ::accept4(fd_, reinterpret_cast<sockaddr*>(&native), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) return {fd, 0, address::from_native(reinterpret_cast<sockaddr*>(&native), size)};
    if (errno != EINTR && !concerns_connection(errno)) return {-1, errno, {}};
  }
}

void listening_socket::fail(int error, const char* doing, const address& where) {
  std::string text = doing;
  text += ' ';
  text += error == EBADF && !where.size() ? "a listener that was never opened" : detail::named(where);
  if (error == deadline_passed) throw timed_out(text.c_str());
  throw std::system_error(detail::to_error_code(error), text);
}

}  // namespace weft::net
