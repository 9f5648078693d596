// SPDX-License-Identifier: BSL-1.0
// One try of each operation on a stream: a system call that does not block, repeated when a signal came in between.
//
// MSG_DONTWAIT: an adopted socket may be a blocking one, and that flag is not ours to change. MSG_NOSIGNAL: a peer that
// is gone is an error, not a SIGPIPE.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <weft/detail/net/socket_handle.hpp>
#include <weft/net/stream.hpp>

#include "poll/descriptor.hpp"
#include WEFT_SOCKET_CALLS_HEADER

namespace weft::detail {

template <class Call> io_result result_of(Call&& call) noexcept {
  for (;;) {
    const ssize_t n = call();
    if (n >= 0) [[likely]]
      return {static_cast<std::size_t>(n), 0};
    if (errno != EINTR) return {0, errno};
  }
}

inline io_result try_receive(int fd, std::span<std::byte> into) noexcept {
  return result_of([&] { return call_recv(fd, into.data(), into.size(), MSG_DONTWAIT); });
}

inline io_result try_send(int fd, net::const_buffer from) noexcept {
  return result_of([&] { return call_send(fd, from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
}

// A read that also notes whether it emptied the socket; `seen` is of this attempt.
inline io_result read_once(descriptor& state, int fd, std::span<std::byte> into, descriptor::attempt seen) noexcept {
  const io_result r = try_receive(fd, into);
  if (r.bytes && r.bytes < into.size()) state.note_short_read(seen);
  return r;
}

// Several buffers for one system call. How many is far below the kernel's limit of 1,024, since this lies on a fiber's
// stack.
class gathered {
 public:
  // The first buffers that are not empty, without the first `skip` bytes.
  gathered(std::span<const net::const_buffer> from, std::size_t skip) noexcept {
    for (const auto& buffer : from) {
      const auto rest = buffer.subspan(std::min(skip, buffer.size()));
      skip -= buffer.size() - rest.size();
      if (rest.empty()) continue;
      parts_[used_] = {const_cast<std::byte*>(rest.data()), rest.size()};
      if (++used_ == parts_.size()) break;
    }
  }
  [[nodiscard]] bool empty() const noexcept { return used_ == 0; }
  [[nodiscard]] io_result try_send(int fd) noexcept {
    msghdr message{};
    message.msg_iov = parts_.data();
    message.msg_iovlen = used_;
    return result_of([&] { return ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL); });
  }

 private:
  std::array<iovec, 64> parts_;
  std::size_t used_ = 0;
};

}  // namespace weft::detail
