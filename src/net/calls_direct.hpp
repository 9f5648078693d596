// SPDX-License-Identifier: BSL-1.0
// The system calls of every message, made past libc: there they are cancellation points of pthreads, which costs each of
// them 50 instructions in a process with threads (a tenth of what weft spends on a message), and may be hooked.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>

namespace weft::detail {

// As recv(2), send(2), read(2) and write(2), errno included.
inline ssize_t call_recv(int fd, void* into, std::size_t size, int flags) noexcept {
  return ::syscall(SYS_recvfrom, fd, into, size, flags, nullptr, nullptr);
}
inline ssize_t call_send(int fd, const void* from, std::size_t size, int flags) noexcept {
  return ::syscall(SYS_sendto, fd, from, size, flags, nullptr, 0);
}
inline ssize_t call_read(int fd, void* into, std::size_t size) noexcept { return ::syscall(SYS_read, fd, into, size); }
inline ssize_t call_write(int fd, const void* from, std::size_t size) noexcept {
  return ::syscall(SYS_write, fd, from, size);
}

}  // namespace weft::detail
