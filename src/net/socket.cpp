// SPDX-License-Identifier: BSL-1.0
// System calls on sockets that need no waiting.
#include "net/socket.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

namespace weft::detail {
namespace {

using name_function = int (*)(int, sockaddr*, socklen_t*);

net::address ask(name_function which, int fd) noexcept {
  sockaddr_storage native;
  socklen_t size = sizeof native;
  if (which(fd, reinterpret_cast<sockaddr*>(&native), &size)) return {};
  return net::address::from_native(reinterpret_cast<sockaddr*>(&native), size);
}

int option(int fd, int name, int& value) noexcept {
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) ? errno : 0;
}

}  // namespace

int make_stream_socket(int family) noexcept {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return fd < 0 ? -errno : fd;
}

net::address local_address(int fd) noexcept { return ask(::getsockname, fd); }

net::address remote_address(int fd) noexcept { return ask(::getpeername, fd); }

const char* file_of(const net::address& a) noexcept {
  const auto path = a.path();
  return path.empty() || path.front() == '\0' ? nullptr : path.data();  // the kernel's form ends in a NUL
}

std::string unix_peer_text(int fd) {
  if (const auto peer = remote_address(fd); !peer.path().empty()) return peer.to_string();
  return "a client of " + local_address(fd).to_string();
}

bool is_ready(int fd, io_side side) noexcept {
  pollfd file{fd, static_cast<short>(side == io_side::read ? POLLIN : POLLOUT), 0};
  int count = 0;
  do {
    count = ::poll(&file, 1, 0);
  } while (count < 0 && errno == EINTR);
  return count != 0;  // what goes wrong here, the operation that follows will say
}

int check_socket(int fd, int type, int family, int other_family) noexcept {
  int value = 0;
  if (const int error = option(fd, SO_TYPE, value)) return error;
  if (value != type) return EPROTOTYPE;
  if (const int error = option(fd, SO_DOMAIN, value)) return error;
  return value == family || value == other_family ? 0 : EAFNOSUPPORT;
}

int pending_error(int fd) noexcept {
  int value = 0;
  const int error = option(fd, SO_ERROR, value);
  return error ? error : value;
}

}  // namespace weft::detail
