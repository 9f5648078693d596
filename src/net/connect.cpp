// SPDX-License-Identifier: BSL-1.0
// Connecting. connect(2) is an operation like the others: called again after the wait, it says what came of it.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <weft/net/stream_socket.hpp>

#include "net/socket.hpp"
#include "net/wait.hpp"

namespace weft::net {

using detail::io_result;
using detail::io_side;
using detail::socket_wait;
using namespace std::chrono_literals;

int stream_socket::open_for(const address& to) noexcept {
  const int fd = detail::make_stream_socket(to.family());
  return fd < 0 ? -fd : own(fd, to.is_ip() ? kind::ask : kind::other, to);
}

int stream_socket::connect_now(const address& to) noexcept {
  int error = 0;
  do {
    error = ::connect(fd_, to.data(), to.size()) ? errno : 0;
  } while (error == EINTR);  // it goes on all the same: the next call says how
  if (error == EALREADY) return EINPROGRESS;
  if (error && error != EISCONN) return error;
  // A connect to a free port of this machine may be given that very port and find itself. Nobody means that.
  return to.is_ip() && to.is_loopback() && detail::local_address(fd_) == to ? ECONNREFUSED : 0;
}

io_result stream_socket::connect_to(const address& to, deadline until) {
  if (const int error = open_for(to)) return {0, error};
  const detail::socket_use use(*this, io_side::write, detail::socket_use::how::alone);
  detail::control_block* const self = detail::running_fiber();
  auto patience = std::chrono::nanoseconds(1ms);
  for (;;) {
    socket_wait::checkpoint(self, *this);
    const auto seen = socket_wait::about_to_try(*this, io_side::write);
    const int error = connect_now(to);
    if (error == EAGAIN && to.is_unix()) {
      if (until.passed()) return {0, detail::deadline_passed};
      detail::pause_until(self, std::min(until, deadline(patience)));
      patience = std::min(patience * 2, std::chrono::nanoseconds(100ms));
      continue;
    }
    if (error != EINPROGRESS) return {0, error};
    const int failed = socket_wait::until_ready(self, *this, io_side::write, seen, until);
    if (failed == detail::deadline_passed) {  // it may have come true, and not been heard of
      const int last = connect_now(to);
      return {0, last == EINPROGRESS ? failed : last};
    }
    if (failed) return {0, failed};
  }
}

}  // namespace weft::net
