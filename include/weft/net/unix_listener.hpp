// SPDX-License-Identifier: BSL-1.0
// Accepts connections of unix sockets.
#pragma once

#include <cstdint>
#include <weft/net/listening_socket.hpp>
#include <weft/net/unix_stream.hpp>

namespace weft::net {

// As tcp_listener. Its path is made by the constructor and removed when it is closed, unless somebody has put something
// else there since.
class unix_listener : public listening_socket {
 public:
  using stream_type = unix_stream;

  unix_listener() noexcept = default;
  explicit unix_listener(const address& at, const listen_options& with = {});
  unix_listener(const address& at, const listen_options& with, std::error_code& ec);
  unix_listener(const address& at, std::error_code& ec) : unix_listener(at, {}, ec) {}
  unix_listener(unix_listener&&) noexcept = default;
  unix_listener& operator=(unix_listener&& other) noexcept;
  ~unix_listener() { close(); }

  // May park. A failure throws, or goes into `ec` and the result is closed.
  [[nodiscard]] unix_stream accept(deadline until = never);
  [[nodiscard]] unix_stream accept(std::error_code& ec) { return accept(never, ec); }
  [[nodiscard]] unix_stream accept(deadline until, std::error_code& ec);
  // co_await, for tasks: the same.
  using accepting = detail::accept_operation<unix_listener>;
  [[nodiscard]] accepting async_accept(deadline until = never) noexcept;
  [[nodiscard]] accepting async_accept(std::error_code& ec) noexcept;
  [[nodiscard]] accepting async_accept(deadline until, std::error_code& ec) noexcept;

  void close() noexcept;
  // The path stays.
  [[nodiscard]] int release() { return listening_socket::release(); }

 private:
  template <class Listener> friend class detail::accept_operation;

  // Throws if there is no note.
  [[nodiscard]] unix_stream make_stream(int fd, int error, const address& peer, std::error_code* note) const;

  [[nodiscard]] int listen(const address& at, const listen_options& with) noexcept;

  std::uint64_t device_ = 0, inode_ = 0;  // of the path that was made; 0 if none was
};

}  // namespace weft::net
