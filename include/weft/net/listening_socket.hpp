// SPDX-License-Identifier: BSL-1.0
// A socket that waits for connections: what tcp_listener and unix_listener have in common.
#pragma once

#include <string>
#include <weft/base/deadline.hpp>
#include <weft/detail/net/async.hpp>
#include <weft/detail/net/socket_handle.hpp>
#include <weft/net/address.hpp>

namespace weft::net {

struct listen_options {
  int backlog = 4096;         // connections that wait to be accepted; the kernel's own limit is net.core.somaxconn
  bool reuse_address = true;  // listen although connections of an earlier listener linger
  bool reuse_port = false;    // several listeners share the port; the kernel spreads connections over them
  bool v6_only = false;       // an IPv6 listener takes no IPv4 connections
};

class listening_socket : public detail::socket_handle {
 public:
  // Where it listens, with the port that the kernel chose if 0 was asked for. Also after close.
  [[nodiscard]] const address& local() const noexcept { return local_; }

 protected:
  listening_socket() noexcept = default;
  listening_socket(listening_socket&&) noexcept = default;
  listening_socket& operator=(listening_socket&&) noexcept = default;
  ~listening_socket() = default;

  // An errno, or 0. Only on an object without a socket.
  [[nodiscard]] int listen(const address& at, const listen_options& with) noexcept;

  // May park. Several may wait at once. The fd of a connection, for which the caller is responsible.
  struct accepted {
    int fd = -1;
    int error = 0;
    address peer;
  };
  [[nodiscard]] accepted accept_one(deadline until);
  // Never waits: EAGAIN if there is none.
  [[nodiscard]] accepted accept_now() noexcept;

  [[nodiscard]] kind connection_kind() const noexcept { return kind_; }

  // "accept on 127.0.0.1:80"
  [[noreturn, gnu::cold]] static void fail(int error, const char* doing, const address& where);

 private:
  friend class detail::accept_step;

  [[nodiscard]] int listen_at(int fd, int backlog) noexcept;  // of a bound one; owns it unless there is an errno

  address local_;
  kind kind_ = kind::other;
};

}  // namespace weft::net
