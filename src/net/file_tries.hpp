// SPDX-License-Identifier: BSL-1.0
// One try to read from, or to write to, something that is no socket: a system call that does not block.
//
// Pipes of our own are non-blocking. Others may be blocking, and that flag is not ours to change, since it belongs to all
// who have the file: RWF_NOWAIT says it for one call, where the kernel knows that for such a file (pipes from Linux 6.4
// on, no terminals). Elsewhere poll(2) is asked first; should another process be faster, the call blocks its thread.
#pragma once

#include <limits.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <weft/detail/net/socket_handle.hpp>
#include <weft/net/stream.hpp>

#include "net/socket.hpp"
#include "net/stream_tries.hpp"

namespace weft::detail {

[[nodiscard]] inline bool is_refused_nowait(const io_result& r) noexcept {
  return r.error == EOPNOTSUPP || r.error == ENOSYS;
}

inline io_result try_read_file(int fd, std::span<std::byte> into, bool blocks) noexcept {
  const auto plain = [&] { return call_read(fd, into.data(), into.size()); };
  if (!blocks) return result_of(plain);
  const iovec part{into.data(), into.size()};
  const io_result r = result_of([&] { return ::preadv2(fd, &part, 1, -1, RWF_NOWAIT); });
  if (!is_refused_nowait(r)) return r;
  return is_ready(fd, io_side::read) ? result_of(plain) : io_result{0, EAGAIN};
}

inline io_result try_write_file(int fd, net::const_buffer from, bool blocks) noexcept {
  if (!blocks) return result_of([&] { return call_write(fd, from.data(), from.size()); });
  const iovec part{const_cast<std::byte*>(from.data()), from.size()};
  const io_result r = result_of([&] { return ::pwritev2(fd, &part, 1, -1, RWF_NOWAIT); });
  if (!is_refused_nowait(r)) return r;
  if (!is_ready(fd, io_side::write)) return {0, EAGAIN};
  // So much a pipe takes whole once it takes anything.
  return result_of([&] { return call_write(fd, from.data(), std::min<std::size_t>(from.size(), PIPE_BUF)); });
}

}  // namespace weft::detail
