// SPDX-License-Identifier: BSL-1.0
// A connection between unix sockets.
#pragma once

#include <utility>
#include <weft/net/stream_socket.hpp>

namespace weft::net {

// As tcp_stream, within one machine.
class unix_stream : public stream_socket {
 public:
  unix_stream() noexcept = default;

  // May park, also for a place in the listener's backlog. A failure throws, or goes into `ec` and the result is closed.
  [[nodiscard]] static unix_stream connect(const address& to, deadline until = never);
  [[nodiscard]] static unix_stream connect(const address& to, std::error_code& ec) { return connect(to, never, ec); }
  [[nodiscard]] static unix_stream connect(const address& to, deadline until, std::error_code& ec);
  // co_await, for tasks: the same.
  using connecting = detail::connect_operation<unix_stream>;
  [[nodiscard]] static connecting async_connect(const address& to, deadline until = never) noexcept;
  [[nodiscard]] static connecting async_connect(const address& to, std::error_code& ec) noexcept;
  [[nodiscard]] static connecting async_connect(const address& to, deadline until, std::error_code& ec) noexcept;

  // Two streams connected to each other.
  [[nodiscard]] static std::pair<unix_stream, unix_stream> pair();

  // Takes over a connected unix stream socket, and leaves its blocking mode as it is. Throws, and the fd stays the
  // caller's, when it is none.
  [[nodiscard]] static unix_stream adopt(int fd);
  [[nodiscard]] static unix_stream adopt(int fd, std::error_code& ec);

 private:
  friend class unix_listener;
  friend struct detail::stream_to_connect<unix_stream>;
};

}  // namespace weft::net
