// SPDX-License-Identifier: BSL-1.0
// connect(2) and accept(2), for which there is no flag that says "do not wait".
//
// accept: poll(2), then the call. connect: the socket is made non-blocking for the duration of the system call, under the
// lock of the number's, and made what it was on every path; whoever looks at the flag just then, in this process or
// another that shares the socket, sees it.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "hooks/file_call.hpp"
#include "hooks/lives.hpp"
#include "hooks/next.hpp"
#include "hooks/next_shared.hpp"
#include "hooks/table.hpp"
#include "hooks/transfer.hpp"

namespace weft::detail {

namespace next {
constexpr next_function<"connect", int(int, const sockaddr*, socklen_t)> connect;
constexpr next_function<"accept", int(int, sockaddr*, socklen_t*)> accept;
constexpr next_function<"accept4", int(int, sockaddr*, socklen_t*, int)> accept4;
}  // namespace next

namespace {

// For a moment, of which nobody is told: not by way of our own fcntl(2).
int set_flags(int fd, long flags) noexcept { return next::fcntl(fd, F_SETFL, reinterpret_cast<void*>(flags)); }

// weft::net's own sockets, which do not block.
[[nodiscard]] bool is_left_alone(const file_call& call) noexcept {
  return !call.is_socket() || (call.state().is_open() && call.is_nonblocking());
}

// A socket on which nobody listens refuses an accept at once, whatever poll(2) says of it.
[[nodiscard]] bool is_listening(int fd) noexcept {
  int answer = 0;
  socklen_t size = sizeof answer;
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &answer, &size) != 0 || answer;
}

template <class Accept>
int accept_on_fiber(control_block& self, int fd, const char* function, Accept&& accept) noexcept {
  file_call call(self, fd, function);
  if (is_left_alone(call)) return accept();
  if (const int error = call.begin()) return call.returns(error, -1);
  const tried result = call.until_done(direction::read, [&](auto) -> ssize_t {
    return call.ask_first(POLLIN, accept, [fd] { return is_listening(fd); });
  });
  return call.returns(result.error, int(result.result));
}

// One try that does not wait: 0 or an errno.
int connect_now(file_call& call, int fd, const sockaddr* to, socklen_t size) noexcept {
  const file_call::asking alone(call);
  if (call.is_over()) return EBADF;
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return errno;
  const bool is_ours = !(flags & O_NONBLOCK);
  if (is_ours && set_flags(fd, flags | O_NONBLOCK) < 0) return errno;
  const int error = next::connect(fd, to, size) < 0 ? errno : 0;
  if (is_ours) set_flags(fd, flags);
  return error;
}

// What came of an attempt that was going on: EINPROGRESS if it still is, else 0 or why it failed. Not by connect(2) again:
// once the attempt has failed for whoever asked first, that would begin another one.
int what_came_of_it(file_call& call, int fd, const sockaddr* to, socklen_t size) noexcept {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  if (error) {  // the socket can be connected anew, as after a failure that connect(2) itself tells
    const sockaddr none{};
    next::connect(fd, &none, sizeof none);
    return error;
  }
  sockaddr_storage peer;
  length = sizeof peer;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) == 0) {
    static_cast<void>(connect_now(call, fd, to, size));  // for the socket to know, too
    return 0;
  }
  if (errno != ENOTCONN) return errno;
  pollfd file{fd, 0, 0};
  if (next::poll(&file, 1, 0) < 0) return errno;
  return file.revents & POLLHUP ? ECONNABORTED : EINPROGRESS;
}

int connect_on_fiber(control_block& self, int fd, const sockaddr* to, socklen_t size) noexcept {
  file_call call(self, fd, "connect");
  if (is_left_alone(call) || call.is_nonblocking()) return next::connect(fd, to, size);
  if (const int error = call.begin()) return call.returns(error, -1);
  for (int begun = 0;;) {
    const auto seen = call.state().about_to_try(direction::write);
    if (call.is_over()) return call.returns(EBADF, -1);
    const int error = begun ? what_came_of_it(call, fd, to, size) : connect_now(call, fd, to, size);
    if (error == EINTR) continue;
    const bool goes_on = error == EINPROGRESS || error == EALREADY;
    const bool is_full = error == EAGAIN && to->sa_family == AF_UNIX;
    if (!goes_on && !is_full) return call.returns(error, 0);
    if (is_full) call.expect_no_event();
    if (goes_on && !begun) begun = error;  // what the call says that only joined an attempt differs
    if (const int ended = call.wait(direction::write, seen))
      return call.returns(ended == EAGAIN && begun ? begun : ended, -1);
  }
}

}  // namespace

const hooks_file connect_hooks{};

extern "C" {

int connect(int fd, const sockaddr* to, socklen_t size) {
  control_block* const self = hooked_fiber();
  if (!self) [[likely]]
    return next::connect(fd, to, size);
  return connect_on_fiber(*self, fd, to, size);
}

int accept(int fd, sockaddr* from, socklen_t* size) {
  control_block* const self = hooked_fiber();
  const auto plainly = [&] { return next::accept(fd, from, size); };
  return begin_life(self ? accept_on_fiber(*self, fd, "accept", plainly) : plainly());
}

int accept4(int fd, sockaddr* from, socklen_t* size, int flags) {
  control_block* const self = hooked_fiber();
  const auto plainly = [&] { return next::accept4(fd, from, size, flags); };
  const bool is_wrong = flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
  return begin_life(self && !is_wrong ? accept_on_fiber(*self, fd, "accept4", plainly) : plainly());
}

}  // extern "C"

}  // namespace weft::detail
