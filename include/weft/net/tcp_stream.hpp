// SPDX-License-Identifier: BSL-1.0
// A TCP connection.
#pragma once

#include <span>
#include <string_view>
#include <weft/net/stream_socket.hpp>

namespace weft::detail {
class connect_race;
}

namespace weft::net {

// What it can do is said in stream_socket.hpp. One fiber may read while another writes; a second reader or writer gets
// the error operation_in_progress. Closing it, from any fiber or thread, ends what goes on with operation_canceled.
class tcp_stream : public stream_socket {
 public:
  tcp_stream() noexcept = default;

  // May park. A failure throws, or goes into `ec` and the result is closed.
  [[nodiscard]] static tcp_stream connect(const address& to, deadline until = never);
  [[nodiscard]] static tcp_stream connect(const address& to, std::error_code& ec) { return connect(to, never, ec); }
  [[nodiscard]] static tcp_stream connect(const address& to, deadline until, std::error_code& ec);

  // The first of them that answers: one attempt after the other, a quarter of a second apart or as soon as one has failed
  // (RFC 8305); the others are closed. Throws the first one's error, and says what became of each; timed_out; or
  // invalid_argument for none.
  [[nodiscard]] static tcp_stream connect(std::span<const address> to, deadline until = never);
  [[nodiscard]] static tcp_stream connect(std::span<const address> to, std::error_code& ec) {
    return connect(to, never, ec);
  }
  [[nodiscard]] static tcp_stream connect(std::span<const address> to, deadline until, std::error_code& ec);
  // The same for the addresses of a host (see resolve()), IPv6 and IPv4 in turn. Throws what resolve() does, too.
  [[nodiscard]] static tcp_stream connect(std::string_view host, std::string_view service, deadline until = never);
  [[nodiscard]] static tcp_stream connect(std::string_view host, std::string_view service, std::error_code& ec) {
    return connect(host, service, never, ec);
  }
  [[nodiscard]] static tcp_stream connect(std::string_view host, std::string_view service, deadline until,
                                          std::error_code& ec);

  // co_await, for tasks, to one address: the same.
  using connecting = detail::connect_operation<tcp_stream>;
  [[nodiscard]] static connecting async_connect(const address& to, deadline until = never) noexcept;
  [[nodiscard]] static connecting async_connect(const address& to, std::error_code& ec) noexcept;
  [[nodiscard]] static connecting async_connect(const address& to, deadline until, std::error_code& ec) noexcept;

  // Takes over a connected TCP socket, and leaves its blocking mode as it is. Throws, and the fd stays the caller's,
  // when it is none: bad_file_descriptor, not_a_socket, wrong_protocol_type, address_family_not_supported.
  [[nodiscard]] static tcp_stream adopt(int fd);
  [[nodiscard]] static tcp_stream adopt(int fd, std::error_code& ec);

  // Small writes leave at once, instead of waiting for what is under way to be acknowledged.
  void set_no_delay(bool on);
  void set_no_delay(bool on, std::error_code& ec);
  // The kernel asks now and then whether a silent peer is still there.
  void set_keep_alive(bool on);
  void set_keep_alive(bool on, std::error_code& ec);

 private:
  friend class tcp_listener;
  friend class detail::connect_race;
  friend struct detail::stream_to_connect<tcp_stream>;
};

}  // namespace weft::net
