// SPDX-License-Identifier: BSL-1.0
// Accepts TCP connections.
#pragma once

#include <weft/net/listening_socket.hpp>
#include <weft/net/tcp_stream.hpp>

namespace weft::net {

// Several fibers may accept from one listener. Closing it, from any fiber or thread, ends them with operation_canceled,
// and who accepts then with bad_file_descriptor.
// The kernel takes connections, and the port is in use, until the last of them has left: join them before you listen there
// again.
class tcp_listener : public listening_socket {
 public:
  using stream_type = tcp_stream;

  tcp_listener() noexcept = default;
  explicit tcp_listener(const address& at, const listen_options& with = {});
  tcp_listener(const address& at, const listen_options& with, std::error_code& ec);
  tcp_listener(const address& at, std::error_code& ec) : tcp_listener(at, {}, ec) {}

  // May park. A failure throws, or goes into `ec` and the result is closed. too_many_files_open is no lasting failure:
  // the connection still waits.
  [[nodiscard]] tcp_stream accept(deadline until = never);
  [[nodiscard]] tcp_stream accept(std::error_code& ec) { return accept(never, ec); }
  [[nodiscard]] tcp_stream accept(deadline until, std::error_code& ec);
  // co_await, for tasks: the same.
  using accepting = detail::accept_operation<tcp_listener>;
  [[nodiscard]] accepting async_accept(deadline until = never) noexcept;
  [[nodiscard]] accepting async_accept(std::error_code& ec) noexcept;
  [[nodiscard]] accepting async_accept(deadline until, std::error_code& ec) noexcept;

 private:
  template <class Listener> friend class detail::accept_operation;

  // Throws if there is no note.
  [[nodiscard]] tcp_stream make_stream(int fd, int error, const address& peer, std::error_code* note) const;
};

}  // namespace weft::net
