// SPDX-License-Identifier: BSL-1.0
// What ThreadSanitizer is told of a read or write that goes past the functions it knows (preadv2, pwritev2).
//
// What was written to a pipe happens before what was read from it: TSan learns that from reads and writes of nothing,
// which a pipe lets pass. Other files do not, so there only reads and writes that TSan sees are made.
#pragma once

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "hooks/next.hpp"

extern "C" void __tsan_read_range(void* begin, unsigned long size);
extern "C" void __tsan_write_range(void* begin, unsigned long size);

namespace weft::detail {

inline constexpr bool eyes_know_pipes_only = true;

inline void look_before_read(const iovec*, int) noexcept {}
inline void look_after_read(int fd, const iovec* parts, int count, ssize_t got) noexcept {
  const int error = errno;
  if (got >= 0) next_function<"read", ssize_t(int, void*, size_t)>()(fd, nullptr, 0);
  auto left = static_cast<std::size_t>(std::max<ssize_t>(got, 0));
  for (int i = 0; i < count && left > 0; left -= std::min(left, parts[i].iov_len), ++i)
    __tsan_write_range(parts[i].iov_base, std::min(left, parts[i].iov_len));
  errno = error;
}
inline void look_before_write(int fd, const iovec* parts, int count) noexcept {
  const int error = errno;
  for (int i = 0; i < count; ++i) __tsan_read_range(parts[i].iov_base, parts[i].iov_len);
  next_function<"write", ssize_t(int, const void*, size_t)>()(fd, nullptr, 0);
  errno = error;
}

}  // namespace weft::detail
