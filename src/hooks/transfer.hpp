// SPDX-License-Identifier: BSL-1.0
// Single tries on sockets, shared by read(2) and write(2) with recv(2), send(2) and theirs.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <cerrno>

#include "hooks/file_call.hpp"

namespace weft::detail {

// What a system call says, in the form that a hooked call goes on with.
[[nodiscard]] inline tried outcome_of(ssize_t result) noexcept { return {result, result < 0 ? errno : 0}; }

// A message of one buffer.
[[nodiscard]] inline msghdr message_of(iovec& part, void* name = nullptr, socklen_t size = 0) noexcept {
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_name = name;
  message.msg_namelen = size;
  return message;
}

// May park. Receives from a stream until there are `least` bytes, or the kernel would not go on.
[[nodiscard]] tried receive_least(file_call& call, int fd, msghdr& message, int flags, std::size_t least) noexcept;

// recvmsg(2) and sendmsg(2) into and from buffers alone.
[[nodiscard]] ssize_t receive_now(int fd, const iovec* parts, int count, int flags) noexcept;
[[nodiscard]] ssize_t send_now(int fd, const iovec* parts, int count, int flags) noexcept;

}  // namespace weft::detail
