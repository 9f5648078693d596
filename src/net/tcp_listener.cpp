// SPDX-License-Identifier: BSL-1.0
#include <weft/net/tcp_listener.hpp>

#include <cerrno>

namespace weft::net {

tcp_listener::tcp_listener(const address& at, const listen_options& with) {
  if (const int error = at.is_ip() ? listen(at, with) : EAFNOSUPPORT) fail(error, "listen on", at);
}

tcp_listener::tcp_listener(const address& at, const listen_options& with, std::error_code& ec) {
  const int error = at.is_ip() ? listen(at, with) : EAFNOSUPPORT;
  ec = error ? detail::to_error_code(error) : std::error_code();
}

tcp_stream tcp_listener::make_stream(int fd, int error, const address& peer, std::error_code* note) const {
  tcp_stream stream;
  if (!error) error = stream.own(fd, connection_kind(), peer);
  if (note)
    *note = error ? detail::to_error_code(error) : std::error_code();
  else if (error)
    fail(error, "accept on", local());
  return stream;
}

tcp_stream tcp_listener::accept(deadline until, std::error_code& ec) {
  const auto one = accept_one(until);
  return make_stream(one.fd, one.error, one.peer, &ec);
}

tcp_stream tcp_listener::accept(deadline until) {
  const auto one = accept_one(until);
  return make_stream(one.fd, one.error, one.peer, nullptr);
}

tcp_listener::accepting tcp_listener::async_accept(deadline until) noexcept { return accepting(*this, until, nullptr); }

tcp_listener::accepting tcp_listener::async_accept(std::error_code& ec) noexcept {
  return accepting(*this, never, &ec);
}

tcp_listener::accepting tcp_listener::async_accept(deadline until, std::error_code& ec) noexcept {
  return accepting(*this, until, &ec);
}

}  // namespace weft::net
