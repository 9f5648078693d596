// SPDX-License-Identifier: BSL-1.0
// The system calls of every message, made through libc, where sanitizers see which memory they read and write.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>

namespace weft::detail {

inline ssize_t call_recv(int fd, void* into, std::size_t size, int flags) noexcept {
  return ::recv(fd, into, size, flags);
}
inline ssize_t call_send(int fd, const void* from, std::size_t size, int flags) noexcept {
  return ::send(fd, from, size, flags);
}
inline ssize_t call_read(int fd, void* into, std::size_t size) noexcept { return ::read(fd, into, size); }
inline ssize_t call_write(int fd, const void* from, std::size_t size) noexcept { return ::write(fd, from, size); }

}  // namespace weft::detail
