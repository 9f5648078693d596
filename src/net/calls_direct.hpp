// SPDX-License-Identifier: BSL-1.0
// The two system calls of every message, made past libc: there they are cancellation points of pthreads, which costs
// each of them 50 instructions in a process with threads (a tenth of what weft spends on a message).
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>

namespace weft::detail {

// As recv(2) and send(2), errno included.
inline ssize_t call_recv(int fd, void* into, std::size_t size, int flags) noexcept {
  return ::syscall(SYS_recvfrom, fd, into, size, flags, nullptr, nullptr);
}
inline ssize_t call_send(int fd, const void* from, std::size_t size, int flags) noexcept {
  return ::syscall(SYS_sendto, fd, from, size, flags, nullptr, 0);
}

}  // namespace weft::detail
