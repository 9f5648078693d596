// SPDX-License-Identifier: BSL-1.0
// epoll_wait(2) and its relatives on an epoll instance of the program's: the instance is itself a file to wait for.
//
// A timeout of zero only looks, and goes straight to libc; weft's own pollers do so in the middle of a switch.
#include <sys/epoll.h>

#include <cerrno>
#include <chrono>
#include <weft/base/deadline.hpp>

#include "base/own_process.hpp"
#include "hooks/caller.hpp"
#include "hooks/next.hpp"
#include "hooks/table.hpp"
#include "hooks/times.hpp"
#include "hooks/watching.hpp"

namespace weft::detail {

namespace next {
constexpr next_function<"epoll_wait", int(int, epoll_event*, int, int)> epoll_wait;
constexpr next_function<"epoll_pwait", int(int, epoll_event*, int, int, const sigset_t*)> epoll_pwait;
constexpr next_function<"epoll_pwait2", int(int, epoll_event*, int, const timespec*, const sigset_t*)> epoll_pwait2;
}  // namespace next

namespace {

int epoll_on_fiber(control_block& self, const char* function, int fd, epoll_event* events, int most,
                   deadline until) noexcept {
  watching call(self, 1, function);
  if (const int error = call.check()) return call.returns(error, 0);
  call.add(fd, true, false);
  return call.until_found(until, [&] {
    if (!call.is_any_over()) return next::epoll_wait(fd, events, most, 0);
    errno = EBADF;
    return -1;
  });
}

[[nodiscard]] deadline after(int milliseconds) noexcept {
  return milliseconds < 0 ? never : deadline(std::chrono::milliseconds(milliseconds));
}

}  // namespace

const hooks_file epoll_hooks{};

extern "C" {

int epoll_wait(int fd, epoll_event* events, int most, int timeout) {
  control_block* const self = hooked_fiber();
  if (!self || timeout == 0 || !is_own_process()) [[likely]]
    return next::epoll_wait(fd, events, most, timeout);
  return epoll_on_fiber(*self, "epoll_wait", fd, events, most, after(timeout));
}

int epoll_pwait(int fd, epoll_event* events, int most, int timeout, const sigset_t* mask) {
  control_block* const self = hooked_fiber();
  if (!self || timeout == 0 || !is_own_process()) [[likely]]
    return next::epoll_pwait(fd, events, most, timeout, mask_of_call(self, mask));
  return epoll_on_fiber(*self, "epoll_pwait", fd, events, most, after(timeout));
}

int epoll_pwait2(int fd, epoll_event* events, int most, const timespec* timeout, const sigset_t* mask) {
  control_block* const self = hooked_fiber();
  if (!self || only_looks(timeout) || !is_own_process()) [[likely]]
    return next::epoll_pwait2(fd, events, most, timeout, mask_of_call(self, mask));
  return epoll_on_fiber(*self, "epoll_pwait2", fd, events, most, timeout ? from_now(*timeout) : never);
}

}  // extern "C"

}  // namespace weft::detail
