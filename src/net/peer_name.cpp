// SPDX-License-Identifier: BSL-1.0
// Between addresses and their compact form.
#include <weft/detail/net/peer_name.hpp>

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace weft::detail {

peer_name peer_name::of(const net::address& a) noexcept {
  peer_name name;
  name.family = static_cast<std::uint16_t>(a.family());
  name.port = htons(a.port());
  if (a.family() == AF_INET) {
    sockaddr_in native;
    std::memcpy(&native, a.data(), sizeof native);
    std::memcpy(name.ip, &native.sin_addr, sizeof native.sin_addr);
  } else if (a.family() == AF_INET6) {
    sockaddr_in6 native;
    std::memcpy(&native, a.data(), sizeof native);
    std::memcpy(name.ip, &native.sin6_addr, sizeof native.sin6_addr);
    name.scope = native.sin6_scope_id;
  }
  return name;
}

net::address peer_name::to_address() const noexcept {
  if (family == AF_INET) {
    sockaddr_in native{};
    native.sin_family = AF_INET;
    native.sin_port = port;
    std::memcpy(&native.sin_addr, ip, sizeof native.sin_addr);
    return net::address::from_native(reinterpret_cast<const sockaddr*>(&native), sizeof native);
  }
  if (family == AF_INET6) {
    sockaddr_in6 native{};
    native.sin6_family = AF_INET6;
    native.sin6_port = port;
    native.sin6_scope_id = scope;
    std::memcpy(&native.sin6_addr, ip, sizeof native.sin6_addr);
    return net::address::from_native(reinterpret_cast<const sockaddr*>(&native), sizeof native);
  }
  return family == AF_UNIX ? net::address::unix_path({}) : net::address();
}

bool peer_name::names_any() const noexcept {
  return std::ranges::all_of(ip, [](auto byte) { return byte == 0; });
}

}  // namespace weft::detail
