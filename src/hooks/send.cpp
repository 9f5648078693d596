// SPDX-License-Identifier: BSL-1.0
// send(2) and its relatives.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>

#include "hooks/file_call.hpp"
#include "hooks/gather.hpp"
#include "hooks/next.hpp"
#include "hooks/sigpipe.hpp"
#include "hooks/table.hpp"
#include "hooks/transfer.hpp"
#include WEFT_SOCKET_CALLS_HEADER

namespace weft::detail {

namespace next {
constexpr next_function<"send", ssize_t(int, const void*, size_t, int)> send;
constexpr next_function<"sendto", ssize_t(int, const void*, size_t, int, const sockaddr*, socklen_t)> sendto;
constexpr next_function<"sendmsg", ssize_t(int, const msghdr*, int)> sendmsg;
constexpr next_function<"sendmmsg", int(int, mmsghdr*, unsigned, int)> sendmmsg;
}  // namespace next

namespace {

// Whether the room that a send waits for is the peer's, of which no event tells.
[[nodiscard]] bool goes_to_unix_peer(const file_call& call, const void* name) noexcept {
  return name && call.kind() == file_kind::messages && static_cast<const sockaddr*>(name)->sa_family == AF_UNIX;
}

constexpr unsigned most_sent = IOV_MAX;  // of one call; the kernel takes no notice of more

// One message, or all bytes of a stream.
tried send_all(file_call& call, int fd, const msghdr& message, int flags) noexcept {
  const std::size_t total = gather::bytes_of(message.msg_iov, message.msg_iovlen);
  if (goes_to_unix_peer(call, message.msg_name)) call.expect_no_event();
  gather rest(message.msg_iov, message.msg_iovlen);
  msghdr part = message;
  for (std::size_t done = 0;;) {
    const tried step = call.until_done(direction::write, [&](auto) -> ssize_t {
      if (done && call.leaves_error()) return 0;
      const auto [parts, count] = rest.now();
      part.msg_iov = parts;
      part.msg_iovlen = std::size_t(count);
      const bool is_plain = count == 1 && !part.msg_control && !part.msg_name;
      const int now = flags | MSG_DONTWAIT | (done ? MSG_NOSIGNAL : 0);
      const ssize_t sent =
          is_plain ? call_send(fd, parts->iov_base, parts->iov_len, now) : next::sendmsg(fd, &part, now);
      // No cookie of the server's: the connection has only been begun, and a blocking socket waits for it.
      if (sent < 0 && errno == EINPROGRESS && (flags & MSG_FASTOPEN) && !call.is_nonblocking()) {
        flags &= ~MSG_FASTOPEN;
        part.msg_name = nullptr;
        part.msg_namelen = 0;
        errno = EAGAIN;
      }
      return sent;
    });
    if (step.error) {
      if (done) return {ssize_t(done), 0};
      if (step.error == EPIPE && !(flags & MSG_NOSIGNAL)) pass_on_sigpipe();
      return step;
    }
    done += std::size_t(step.result);
    if (done >= total || step.result == 0 || call.kind() != file_kind::stream) return {ssize_t(done), 0};
    rest.skip(std::size_t(step.result));
    part.msg_name = nullptr;  // these went with the first part
    part.msg_namelen = 0;
    part.msg_control = nullptr;
    part.msg_controllen = 0;
  }
}

// What never waits goes straight to libc, and so its SIGPIPE to the worker.
template <class Call> auto at_once(int flags, Call&& call) noexcept {
  const auto result = call();
  if (result < 0 && errno == EPIPE && !(flags & MSG_NOSIGNAL)) pass_on_sigpipe();
  return result;
}

// `plainly`: what libc does, for what is no socket.
template <class Plainly>
ssize_t send_on_fiber(control_block& self, const char* function, int fd, const msghdr& message, int flags,
                      Plainly&& plainly) noexcept {
  file_call call(self, fd, function);
  if (call.kind() == file_kind::elsewhere) return plainly();
  if (const int error = call.begin()) return call.returns(error, ssize_t(-1));
  const tried result = send_all(call, fd, message, flags);
  return call.returns(result.error, result.result);
}

int sendmmsg_on_fiber(control_block& self, int fd, mmsghdr* messages, unsigned count, int flags) noexcept {
  file_call call(self, fd, "sendmmsg");
  if (call.kind() == file_kind::elsewhere) return next::sendmmsg(fd, messages, count, flags);
  if (const int error = call.begin()) return call.returns(error, -1);
  unsigned done = 0;
  for (bool is_whole = true; is_whole && done < std::min(count, most_sent); ++done) {
    call.begin_message();
    const msghdr& message = messages[done].msg_hdr;
    const tried result = send_all(call, fd, message, flags);
    if (result.error) {
      if (done == 0) return call.returns(result.error, -1);
      break;
    }
    messages[done].msg_len = unsigned(result.result);
    is_whole =
        std::size_t(result.result) == gather::bytes_of(message.msg_iov, message.msg_iovlen);  // or it would have a hole
  }
  return call.returns(0, int(done));
}

}  // namespace

ssize_t send_now(int fd, const iovec* parts, int count, int flags) noexcept {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts);
  message.msg_iovlen = std::size_t(count);
  return next::sendmsg(fd, &message, flags);
}

const hooks_file send_hooks{};

extern "C" {

ssize_t send(int fd, const void* from, size_t size, int flags) {
  control_block* const self = hooked_fiber();
  if (!self) [[likely]]
    return next::send(fd, from, size, flags);
  if (flags & MSG_DONTWAIT) return at_once(flags, [&] { return next::send(fd, from, size, flags); });
  iovec part{const_cast<void*>(from), size};
  return send_on_fiber(*self, "send", fd, message_of(part), flags, [&] { return next::send(fd, from, size, flags); });
}

ssize_t sendto(int fd, const void* from, size_t size, int flags, const sockaddr* to, socklen_t length) {
  control_block* const self = hooked_fiber();
  if (!self) [[likely]]
    return next::sendto(fd, from, size, flags, to, length);
  if (flags & MSG_DONTWAIT) return at_once(flags, [&] { return next::sendto(fd, from, size, flags, to, length); });
  iovec part{const_cast<void*>(from), size};
  return send_on_fiber(*self, "sendto", fd, message_of(part, const_cast<sockaddr*>(to), length), flags,
                       [&] { return next::sendto(fd, from, size, flags, to, length); });
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  control_block* const self = hooked_fiber();
  if (!self) [[likely]]
    return next::sendmsg(fd, message, flags);
  if (flags & MSG_DONTWAIT) return at_once(flags, [&] { return next::sendmsg(fd, message, flags); });
  return send_on_fiber(*self, "sendmsg", fd, *message, flags, [&] { return next::sendmsg(fd, message, flags); });
}

int sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
  control_block* const self = hooked_fiber();
  if (!self) [[likely]]
    return next::sendmmsg(fd, messages, count, flags);
  if (flags & MSG_DONTWAIT) return at_once(flags, [&] { return next::sendmmsg(fd, messages, count, flags); });
  return sendmmsg_on_fiber(*self, fd, messages, count, flags);
}

}  // extern "C"

}  // namespace weft::detail
