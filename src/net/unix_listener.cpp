// SPDX-License-Identifier: BSL-1.0
#include <weft/net/unix_listener.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "net/socket.hpp"

namespace weft::net {

using detail::file_of;

int unix_listener::listen(const address& at, const listen_options& with) noexcept {
  if (!at.is_unix()) return EAFNOSUPPORT;
  const int error = listening_socket::listen(at, with);
  struct stat found;
  const char* file = file_of(at);
  if (!error && file && ::lstat(file, &found) == 0) {
    device_ = found.st_dev;
    inode_ = found.st_ino;
  }
  return error;
}

unix_listener::unix_listener(const address& at, const listen_options& with) {
  if (const int error = listen(at, with)) fail(error, "listen on", at);
}

unix_listener::unix_listener(const address& at, const listen_options& with, std::error_code& ec) {
  const int error = listen(at, with);
  ec = error ? detail::to_error_code(error) : std::error_code();
}

unix_listener& unix_listener::operator=(unix_listener&& other) noexcept {
  if (this != &other) {
    close();
    listening_socket::operator=(std::move(other));
    device_ = other.device_;
    inode_ = other.inode_;
  }
  return *this;
}

void unix_listener::close() noexcept {
  struct stat found;
  const char* file = is_open() ? file_of(local()) : nullptr;
  if (file && inode_ && ::lstat(file, &found) == 0 && found.st_dev == device_ && found.st_ino == inode_) ::unlink(file);
  listening_socket::close();
}

unix_stream unix_listener::make_stream(int fd, int error, const address& peer, std::error_code* note) const {
  unix_stream stream;
  if (!error) error = stream.own(fd, connection_kind(), peer);
  if (note)
    *note = error ? detail::to_error_code(error) : std::error_code();
  else if (error)
    fail(error, "accept on", local());
  return stream;
}

unix_stream unix_listener::accept(deadline until, std::error_code& ec) {
  const auto one = accept_one(until);
  return make_stream(one.fd, one.error, one.peer, &ec);
}

unix_stream unix_listener::accept(deadline until) {
  const auto one = accept_one(until);
  return make_stream(one.fd, one.error, one.peer, nullptr);
}

unix_listener::accepting unix_listener::async_accept(deadline until) noexcept {
  return accepting(*this, until, nullptr);
}

unix_listener::accepting unix_listener::async_accept(std::error_code& ec) noexcept {
  return accepting(*this, never, &ec);
}

unix_listener::accepting unix_listener::async_accept(deadline until, std::error_code& ec) noexcept {
  return accepting(*this, until, &ec);
}

}  // namespace weft::net
