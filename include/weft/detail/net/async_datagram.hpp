// SPDX-License-Identifier: BSL-1.0
// What the async_ functions of a udp_socket return.
#pragma once

#include <cstddef>
#include <span>
#include <system_error>
#include <utility>
#include <weft/detail/net/async.hpp>
#include <weft/net/address.hpp>

namespace weft::net {
class udp_socket;
}

namespace weft::detail {

// co_await: bytes, and who sent them.
class [[nodiscard]] receive_from_operation : public io_operation {
 public:
  receive_from_operation(const net::udp_socket& socket, std::span<std::byte> into, deadline until,
                         std::error_code* note) noexcept;
  std::pair<std::size_t, net::address> await_resume();

 private:
  static bool proceed(operation& self) noexcept;

  const net::udp_socket& at_;
  const std::span<std::byte> into_;
  net::address from_;
};

// co_await: bytes.
class [[nodiscard]] send_to_operation : public io_operation {
 public:
  send_to_operation(const net::udp_socket& socket, std::span<const std::byte> from, const net::address& to,
                    deadline until, std::error_code* note) noexcept;
  std::size_t await_resume();

 private:
  static bool proceed(operation& self) noexcept;

  const net::udp_socket& at_;
  const std::span<const std::byte> from_;
  const net::address to_;
};

}  // namespace weft::detail
