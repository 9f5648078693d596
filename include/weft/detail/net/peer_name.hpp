// SPDX-License-Identifier: BSL-1.0
// The peer of a connection in 24 bytes, for errors: the kernel forgets it when a TCP connection is reset.
#pragma once

#include <cstdint>
#include <weft/net/address.hpp>

namespace weft::detail {

struct peer_name {
  std::uint16_t family = 0;
  std::uint16_t port = 0;  // as on the wire
  std::uint32_t scope = 0;
  std::uint8_t ip[16] = {};  // as on the wire; unused for unix sockets, whose kernel side remembers

  static peer_name of(const net::address& a) noexcept;
  [[nodiscard]] net::address to_address() const noexcept;
  // 0.0.0.0 or ::, by which one connects to some address of this machine.
  [[nodiscard]] bool names_any() const noexcept;
};

}  // namespace weft::detail
