// SPDX-License-Identifier: BSL-1.0
// One try to receive or send a datagram: a system call that does not block.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <span>
#include <weft/net/address.hpp>

#include "net/stream_tries.hpp"

namespace weft::detail {

// `from` becomes the sender. MSG_TRUNC: the result is the datagram's size, also of one that does not fit.
inline io_result try_receive_from(int fd, std::span<std::byte> into, net::address& from) noexcept {
  sockaddr_storage native;
  socklen_t size = sizeof native;
  io_result r = result_of([&] {
    size = sizeof native;
    return ::recvfrom(fd, into.data(), into.size(), MSG_DONTWAIT | MSG_TRUNC, reinterpret_cast<sockaddr*>(&native),
                      &size);
  });
  if (r.error) return r;
  from = net::address::from_native(reinterpret_cast<sockaddr*>(&native), size);
  if (r.bytes > into.size()) return {into.size(), EMSGSIZE};
  return r;
}

// To the peer of a connected socket if `to` names nothing.
inline io_result try_send_to(int fd, net::const_buffer from, const net::address& to) noexcept {
  return result_of([&] {
    return ::sendto(fd, from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL, to.size() ? to.data() : nullptr,
                    to.size());
  });
}

}  // namespace weft::detail
