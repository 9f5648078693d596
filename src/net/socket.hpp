// SPDX-License-Identifier: BSL-1.0
// System calls on sockets that need no waiting, in weft's terms.
#pragma once

#include <string>
#include <weft/detail/net/use_word.hpp>
#include <weft/net/address.hpp>

namespace weft::detail {

// A new stream socket, non-blocking and close-on-exec; -errno if there is none.
[[nodiscard]] int make_stream_socket(int family) noexcept;

// The address that names nothing if the kernel knows none.
[[nodiscard]] net::address local_address(int fd) noexcept;
[[nodiscard]] net::address remote_address(int fd) noexcept;

// The file that stands for a unix socket; null for abstract names and other families.
[[nodiscard]] const char* file_of(const net::address& a) noexcept;

// "unix:/path", or "a client of unix:/path" where the peer has no name.
[[nodiscard]] std::string unix_peer_text(int fd);

// What one waits for there, as the dump says it.
[[nodiscard]] constexpr const char* what_is_awaited(io_side side) noexcept {
  return side == io_side::read ? "input" : "room for output";
}

// What poll(2) says of one side right now.
[[nodiscard]] bool is_ready(int fd, io_side side) noexcept;

// 0 if `fd` is a socket of that type and of one of the two families, else the errno that says what it is not.
[[nodiscard]] int check_socket(int fd, int type, int family, int other_family) noexcept;

// The error that a connect has come to (SO_ERROR), which reading clears.
[[nodiscard]] int pending_error(int fd) noexcept;

}  // namespace weft::detail
