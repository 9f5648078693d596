// SPDX-License-Identifier: BSL-1.0
// From the name of a host and of a service to addresses.
#pragma once

#include <string_view>
#include <system_error>
#include <vector>
#include <weft/base/deadline.hpp>
#include <weft/net/address.hpp>

namespace weft::net {

// What getaddrinfo(3) says beside the system's own errors: its EAI_ values, with its texts.
enum class resolve_errc {
  bad_flags = -1,
  host_not_found = -2,
  try_again = -3,  // the name server did not answer
  failed = -4,     // it answered that it cannot
  no_address = -5,
  unknown_family = -6,
  unknown_socket_type = -7,
  service_not_found = -8,
};

[[nodiscard]] const std::error_category& resolve_category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(resolve_errc e) noexcept {
  return {static_cast<int>(e), resolve_category()};
}

}  // namespace weft::net

template <> struct std::is_error_code_enum<weft::net::resolve_errc> : std::true_type {};

namespace weft::net {

// The IPv4 and IPv6 addresses of `host` with the port of `service`, in the order in which the system would have them tried
// (RFC 6724), none twice, at least one. `host`: a name, an IP literal, or "" for this machine. `service`: a name such as
// "http", a port, or "" for port 0.
//
// On a fiber getaddrinfo runs on the blocking pool and the fiber parks; a cancellation point, at which the caller leaves
// at once while the look-up goes on for nobody. Literals need no pool. On a plain thread it blocks, and the deadline does
// not count. Throws std::system_error naming both: a resolve_errc, timed_out, or the system's error.
[[nodiscard]] std::vector<address> resolve(std::string_view host, std::string_view service, deadline until = never);
// The same; a failure goes into `ec` and the result is empty.
[[nodiscard]] std::vector<address> resolve(std::string_view host, std::string_view service, std::error_code& ec);
[[nodiscard]] std::vector<address> resolve(std::string_view host, std::string_view service, deadline until,
                                           std::error_code& ec);

}  // namespace weft::net
