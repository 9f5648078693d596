// SPDX-License-Identifier: BSL-1.0
// A UDP socket: datagrams from and to whoever has an address.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <weft/base/deadline.hpp>
#include <weft/detail/net/async_datagram.hpp>
#include <weft/detail/net/socket_handle.hpp>
#include <weft/net/address.hpp>
#include <weft/net/stream.hpp>

namespace weft::net {

struct udp_options {
  bool reuse_address = false;
  bool reuse_port = false;
  bool v6_only = false;    // of an IPv6 socket: no IPv4 peers
  bool broadcast = false;  // allow sending to broadcast addresses
};

// Each operation handles one datagram whole or not at all. Any number of fibers may send and receive at once; each
// datagram goes to one of them. Closing it, from any fiber or thread, ends what goes on with operation_canceled,
// and what is asked of it then with bad_file_descriptor. A deadline in the past still takes what is there. There is no
// multicast.
class udp_socket : public detail::socket_handle {
 public:
  udp_socket() noexcept = default;
  // Binds to a local address: port 0 is any free one, 0.0.0.0 or :: any interface. Throws std::system_error naming it;
  // with `ec` the socket stays closed.
  explicit udp_socket(const address& local, const udp_options& with = {});
  udp_socket(const address& local, const udp_options& with, std::error_code& ec);
  udp_socket(const address& local, std::error_code& ec) : udp_socket(local, {}, ec) {}

  // The next datagram and who sent it. An empty one is 0 bytes. One that is larger than the span is cut, and the rest
  // is lost: message_size; the form with an error code returns what there was room for. May park.
  std::pair<std::size_t, address> receive_from(std::span<std::byte> into, deadline until = never);
  std::pair<std::size_t, address> receive_from(std::span<std::byte> into, std::error_code& ec) {
    return receive_from(into, never, ec);
  }
  std::pair<std::size_t, address> receive_from(std::span<std::byte> into, deadline until, std::error_code& ec);

  // Hands one datagram to the network, which may lose it; parks only while the kernel has no room. The size of it.
  // message_size if it is larger than a datagram can be.
  std::size_t send_to(const_buffer from, const address& to, deadline until = never);
  std::size_t send_to(const_buffer from, const address& to, std::error_code& ec) {
    return send_to(from, to, never, ec);
  }
  std::size_t send_to(const_buffer from, const address& to, deadline until, std::error_code& ec);
  std::size_t send_to(std::string_view from, const address& to, deadline until = never) {
    return send_to(bytes_of(from), to, until);
  }
  std::size_t send_to(std::string_view from, const address& to, std::error_code& ec) {
    return send_to(bytes_of(from), to, never, ec);
  }
  std::size_t send_to(std::string_view from, const address& to, deadline until, std::error_code& ec) {
    return send_to(bytes_of(from), to, until, ec);
  }

  // For tasks (<weft/stackless.hpp>): `co_await` gives or throws what the function of the same name does. The span has to
  // live until then.
  [[nodiscard]] detail::receive_from_operation async_receive_from(std::span<std::byte> into,
                                                                  deadline until = never) noexcept {
    return {*this, into, until, nullptr};
  }
  [[nodiscard]] detail::receive_from_operation async_receive_from(std::span<std::byte> into,
                                                                  std::error_code& ec) noexcept {
    return {*this, into, never, &ec};
  }
  [[nodiscard]] detail::receive_from_operation async_receive_from(std::span<std::byte> into, deadline until,
                                                                  std::error_code& ec) noexcept {
    return {*this, into, until, &ec};
  }
  [[nodiscard]] detail::send_to_operation async_send_to(const_buffer from, const address& to,
                                                        deadline until = never) noexcept {
    return {*this, from, to, until, nullptr};
  }
  [[nodiscard]] detail::send_to_operation async_send_to(const_buffer from, const address& to,
                                                        std::error_code& ec) noexcept {
    return {*this, from, to, never, &ec};
  }
  [[nodiscard]] detail::send_to_operation async_send_to(const_buffer from, const address& to, deadline until,
                                                        std::error_code& ec) noexcept {
    return {*this, from, to, until, &ec};
  }
  [[nodiscard]] detail::send_to_operation async_send_to(std::string_view from, const address& to,
                                                        deadline until = never) noexcept {
    return async_send_to(bytes_of(from), to, until);
  }
  [[nodiscard]] detail::send_to_operation async_send_to(std::string_view from, const address& to,
                                                        std::error_code& ec) noexcept {
    return async_send_to(bytes_of(from), to, ec);
  }
  [[nodiscard]] detail::send_to_operation async_send_to(std::string_view from, const address& to, deadline until,
                                                        std::error_code& ec) noexcept {
    return async_send_to(bytes_of(from), to, until, ec);
  }

  // From then on `send` goes there and only datagrams from there are received; that nobody listens there becomes an error
  // of a later call (connection_refused). Never parks. An address that names nothing: from and to everybody again, at the
  // same port.
  void connect(const address& peer);
  void connect(const address& peer, std::error_code& ec);
  // On a connected socket (else destination_address_required, and `receive` takes from anybody).
  std::size_t receive(std::span<std::byte> into, deadline until = never) { return receive_from(into, until).first; }
  std::size_t receive(std::span<std::byte> into, std::error_code& ec) { return receive_from(into, never, ec).first; }
  std::size_t receive(std::span<std::byte> into, deadline until, std::error_code& ec) {
    return receive_from(into, until, ec).first;
  }
  std::size_t send(const_buffer from, deadline until = never) { return send_to(from, address(), until); }
  std::size_t send(const_buffer from, std::error_code& ec) { return send_to(from, address(), never, ec); }
  std::size_t send(const_buffer from, deadline until, std::error_code& ec) {
    return send_to(from, address(), until, ec);
  }
  std::size_t send(std::string_view from, deadline until = never) { return send(bytes_of(from), until); }
  std::size_t send(std::string_view from, std::error_code& ec) { return send(bytes_of(from), never, ec); }
  std::size_t send(std::string_view from, deadline until, std::error_code& ec) {
    return send(bytes_of(from), until, ec);
  }

  // Waits until a receive would not.
  void wait_readable(deadline until = never);
  void wait_readable(std::error_code& ec) { wait_readable(never, ec); }
  void wait_readable(deadline until, std::error_code& ec);

  [[nodiscard]] address local() const;
  [[nodiscard]] address remote() const;  // of a connected one, else the address that names nothing

  // Takes over a UDP socket, and leaves its blocking mode as it is. Throws, and the fd stays the caller's, when it is
  // none: bad_file_descriptor, not_a_socket, wrong_protocol_type, address_family_not_supported.
  [[nodiscard]] static udp_socket adopt(int fd);
  [[nodiscard]] static udp_socket adopt(int fd, std::error_code& ec);

 private:
  friend class detail::receive_from_operation;
  friend class detail::send_to_operation;

  struct received {
    detail::io_result result;
    address from;
  };

  [[nodiscard]] int open(const address& local, const udp_options& with) noexcept;
  received receive_one(std::span<std::byte> into, deadline until);
  detail::io_result send_one(const_buffer from, const address& to, deadline until);
  detail::io_result wait_for_input(deadline until);
  detail::io_result connect_now(const address& peer);
  [[nodiscard]] std::string describe(const char* doing) const;
  [[noreturn]] void fail_to_receive(int error) const;
  [[noreturn]] void fail_to_send(int error, const address& to) const;

  static const_buffer bytes_of(std::string_view text) noexcept { return std::as_bytes(std::span(text)); }
};

}  // namespace weft::net
