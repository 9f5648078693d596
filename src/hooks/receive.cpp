// SPDX-License-Identifier: BSL-1.0
// recv(2) and its relatives. What never waits on a blocking socket either goes straight to libc: MSG_DONTWAIT, urgent
// data.
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <weft/base/deadline.hpp>

#include "hooks/file_call.hpp"
#include "hooks/gather.hpp"
#include "hooks/next.hpp"
#include "hooks/table.hpp"
#include "hooks/times.hpp"
#include "hooks/transfer.hpp"

namespace weft::detail {

namespace next {
constexpr next_function<"recv", ssize_t(int, void*, size_t, int)> recv;
constexpr next_function<"recvfrom", ssize_t(int, void*, size_t, int, sockaddr*, socklen_t*)> recvfrom;
constexpr next_function<"recvmsg", ssize_t(int, msghdr*, int)> recvmsg;
constexpr next_function<"recvmmsg", int(int, mmsghdr*, unsigned, int, timespec*)> recvmmsg;
constexpr next_function<"__recv_chk", ssize_t(int, void*, size_t, size_t, int)> recv_chk;
constexpr next_function<"__recvfrom_chk", ssize_t(int, void*, size_t, size_t, int, sockaddr*, socklen_t*)> recvfrom_chk;
}  // namespace next

namespace {

constexpr int never_waits = MSG_DONTWAIT | MSG_OOB;

// How many bytes the caller waits for, of those that it wants.
[[nodiscard]] std::size_t least_of(const file_call& call, int fd, const msghdr& message, int flags) noexcept {
  if (call.kind() != file_kind::stream) return 1;
  const std::size_t wanted = gather::bytes_of(message.msg_iov, message.msg_iovlen);
  return flags & MSG_WAITALL ? wanted : file_settings::least_of(fd, wanted);
}

// Not by POLLIN, which tells of the end, too.
[[nodiscard]] bool has_input(int fd) noexcept {
  int bytes = 0;
  return ::ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0;
}

// MSG_PEEK: looks again and again at the same bytes until there are `least` of them.
tried peek_least(file_call& call, int fd, msghdr& message, int flags, std::size_t least) noexcept {
  const bool waits = !call.is_unix();  // those take what there is
  for (;;) {
    descriptor::attempt seen = 0;
    const tried result = call.until_done(direction::read, [&](auto now) {
      seen = now;
      return next::recvmsg(fd, &message, flags | MSG_DONTWAIT);
    });
    // As it is now: an end that was heard may be that of an attempt to connect. Nor does it see beyond urgent data.
    const bool is_enough =
        std::size_t(result.result) >= least || result.result == 0 || call.shows(POLLRDHUP | POLLHUP | POLLPRI);
    if (result.error || is_enough || !waits) return result;
    if (call.wait(direction::read, seen)) return result;
  }
}

// Whether a unix socket passes credentials with what is read, also where there is no room for them.
[[nodiscard]] bool passes_credentials(int fd) noexcept {
  int answer = 0;
  socklen_t size = sizeof answer;
  return getsockopt(fd, SOL_SOCKET, SO_PASSCRED, &answer, &size) == 0 && answer;
}

// Whether a read of the kernel's stops behind what came with this part: files do that on unix sockets, and a change of
// credentials, of which there is no knowing before the next part. On others control data ends nothing.
[[nodiscard]] bool ends_with(const file_call& call, int fd, const msghdr& part) noexcept {
  if (part.msg_controllen > 0) return call.is_unix();
  return (part.msg_flags & MSG_CTRUNC) && call.is_unix() && !passes_credentials(fd);
}

// Whether more would be what lies behind an end that the next call must see: urgent data, or an error. Of either was heard,
// where the try waited first.
[[nodiscard]] bool must_stop(const file_call& call, int fd) noexcept {
  const bool may_be_at_mark = (call.state().sticky_events() & EPOLLPRI) || file_settings::has_low_marks();
  return (may_be_at_mark && ::sockatmark(fd) == 1) || (call.leaves_error() && !has_input(fd));
}

// Receives by `attempt`, given the flags, or by way of `message` where one try is not enough.
template <class Attempt>
ssize_t receive_on_fiber(control_block& self, const char* function, int fd, msghdr& message, int flags,
                         Attempt&& attempt) noexcept {
  file_call call(self, fd, function);
  // Unix sockets have no error queue: they take the flag for none.
  const bool never_waits_here = (flags & MSG_ERRQUEUE) && !call.is_unix();
  if (call.kind() == file_kind::elsewhere || never_waits_here) return attempt(flags);
  if (const int error = call.begin()) return call.returns(error, ssize_t(-1));
  const auto receive = [&] {
    const std::size_t least = least_of(call, fd, message, flags);
    if (least > 1) return receive_least(call, fd, message, flags, least);
    if (flags != 0) return call.until_done(direction::read, [&](auto) { return attempt(flags | call.try_flag()); });
    return call.until_received(gather::bytes_of(message.msg_iov, message.msg_iovlen),
                               [&] { return attempt(call.try_flag()); });
  };
  const tried result = receive();
  return call.returns(result.error, result.result);
}

ssize_t recv_on_fiber(control_block& self, int fd, void* to, size_t size, int flags) noexcept {
  iovec part{to, size};
  msghdr message = message_of(part);
  return receive_on_fiber(self, "recv", fd, message, flags, [&](int now) { return next::recv(fd, to, size, now); });
}

ssize_t recvfrom_on_fiber(control_block& self, int fd, void* to, size_t size, int flags, sockaddr* from,
                          socklen_t* length) noexcept {
  iovec part{to, size};
  msghdr message = message_of(part, from, from ? *length : 0);
  const ssize_t result = receive_on_fiber(self, "recvfrom", fd, message, flags, [&](int now) {
    const ssize_t got = next::recvfrom(fd, to, size, now, from, length);
    if (got >= 0 && from) message.msg_namelen = *length;
    return got;
  });
  if (result >= 0 && from) *length = message.msg_namelen;
  return result;
}

// The messages of one recvmmsg(2).
struct several {
  mmsghdr* messages;
  unsigned count, done;
  int flags;
  const deadline* end;  // null: none

  // By the kernel's own call, which looks at the time after each message and leaves an error behind the first to the next
  // call. How many there were, or -1.
  int receive_now(int fd, int how) noexcept {
    timespec left{};
    if (end) left = timespec_of(end->remaining());
    return next::recvmmsg(fd, messages + done, count - done, flags | how, end ? &left : nullptr);
  }
};

// May park. Some more; an error is left to the next call where there are some already. 0: none, for good.
tried receive_more(file_call& call, int fd, several& all, descriptor::attempt& seen) noexcept {
  return call.until_done(
      direction::read,
      [&](auto now) {
        seen = now;
        return all.done && call.has_error() ? 0 : all.receive_now(fd, call.try_flag());
      },
      seen);  // what was there then is taken: the next time it waits first
}

tried receive_one(file_call& call, int fd, several& all) noexcept {
  mmsghdr& at = all.messages[all.done];
  const int flags = all.flags & ~MSG_WAITFORONE;
  const tried result = receive_least(call, fd, at.msg_hdr, flags, least_of(call, fd, at.msg_hdr, flags));
  if (result.error) return result;
  at.msg_len = unsigned(result.result);
  return {1, 0};
}

int recvmmsg_on_fiber(control_block& self, int fd, mmsghdr* messages, unsigned count, int flags,
                      timespec* timeout) noexcept {
  file_call call(self, fd, "recvmmsg");
  if (call.kind() == file_kind::elsewhere) return next::recvmmsg(fd, messages, count, flags, timeout);
  if (const int error = call.begin()) return call.returns(error, -1);
  const deadline end = timeout ? from_now(*timeout) : never;
  several all{messages, count, 0, flags, timeout ? &end : nullptr};
  const bool is_whole = count && least_of(call, fd, messages->msg_hdr, flags) > 1, is_one_wait = flags & MSG_WAITFORONE;
  for (descriptor::attempt seen = 0; all.done < count;) {
    call.begin_message();
    const tried some = is_whole ? receive_one(call, fd, all) : receive_more(call, fd, all, seen);
    if (some.error && all.done == 0) return call.returns(some.error, -1);
    all.done += unsigned(std::max<ssize_t>(some.result, 0));
    if (some.result <= 0 || (timeout && end.passed()) || is_one_wait) break;
  }
  if (is_whole && is_one_wait && all.done < count && !end.passed() && !call.is_over())
    all.done += unsigned(std::max(all.receive_now(fd, MSG_DONTWAIT), 0));
  if (timeout) *timeout = timespec_of(end.remaining());
  return call.returns(0, int(all.done));
}

}  // namespace

tried receive_least(file_call& call, int fd, msghdr& message, int flags, std::size_t least) noexcept {
  const std::size_t wanted = gather::bytes_of(message.msg_iov, message.msg_iovlen);
  flags &= ~MSG_WAITALL;
  if (flags & MSG_PEEK) return peek_least(call, fd, message, flags, least);
  gather rest(message.msg_iov, message.msg_iovlen);
  msghdr part = message;
  std::size_t control = 0;
  for (std::size_t done = 0;;) {
    const tried step = call.until_received(wanted - done, [&] {
      if (done && must_stop(call, fd)) return ssize_t{0};
      const auto [parts, count] = rest.now();
      part.msg_iov = parts;
      part.msg_iovlen = std::size_t(count);
      part.msg_controllen = message.msg_controllen;
      return next::recvmsg(fd, &part, flags | MSG_DONTWAIT);
    });
    if (step.error && done == 0) return step;
    done += std::size_t(std::max<ssize_t>(step.result, 0));
    if (step.result > 0) control = part.msg_controllen;
    // A file that may not block is not asked again. Of one that may the next try waits first, and hears of urgent data.
    if (step.result <= 0 || done >= least || ends_with(call, fd, part) || !call.may_wait()) {
      message.msg_namelen = part.msg_namelen;
      message.msg_controllen = control;
      message.msg_flags = part.msg_flags;
      return {ssize_t(done), 0};
    }
    rest.skip(std::size_t(step.result));
  }
}

ssize_t receive_now(int fd, const iovec* parts, int count, int flags) noexcept {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts);
  message.msg_iovlen = std::size_t(count);
  return next::recvmsg(fd, &message, flags);
}

const hooks_file receive_hooks{};

extern "C" {

ssize_t recv(int fd, void* to, size_t size, int flags) {
  control_block* const self = hooked_fiber();
  if (!self || (flags & never_waits)) [[likely]]
    return next::recv(fd, to, size, flags);
  return recv_on_fiber(*self, fd, to, size, flags);
}

ssize_t __recv_chk(int fd, void* to, size_t size, size_t room, int flags) {
  control_block* const self = hooked_fiber();
  if (!self || (flags & never_waits) || size > room) [[likely]]
    return next::recv_chk(fd, to, size, room, flags);
  return recv_on_fiber(*self, fd, to, size, flags);
}

ssize_t recvfrom(int fd, void* to, size_t size, int flags, sockaddr* from, socklen_t* length) {
  control_block* const self = hooked_fiber();
  if (!self || (flags & never_waits)) [[likely]]
    return next::recvfrom(fd, to, size, flags, from, length);
  return recvfrom_on_fiber(*self, fd, to, size, flags, from, length);
}

ssize_t __recvfrom_chk(int fd, void* to, size_t size, size_t room, int flags, sockaddr* from, socklen_t* length) {
  control_block* const self = hooked_fiber();
  if (!self || (flags & never_waits) || size > room) [[likely]]
    return next::recvfrom_chk(fd, to, size, room, flags, from, length);
  return recvfrom_on_fiber(*self, fd, to, size, flags, from, length);
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
  control_block* const self = hooked_fiber();
  if (!self || (flags & never_waits)) [[likely]]
    return next::recvmsg(fd, message, flags);
  return receive_on_fiber(*self, "recvmsg", fd, *message, flags,
                          [&](int now) { return next::recvmsg(fd, message, now); });
}

int recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
  control_block* const self = hooked_fiber();
  if (!self || (flags & never_waits) || (timeout && !is_valid(*timeout))) [[likely]]
    return next::recvmmsg(fd, messages, count, flags, timeout);
  return recvmmsg_on_fiber(*self, fd, messages, count, flags, timeout);
}

}  // extern "C"

}  // namespace weft::detail
