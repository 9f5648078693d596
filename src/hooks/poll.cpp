// SPDX-License-Identifier: BSL-1.0
// poll(2) and ppoll(2).
//
// A timeout of zero only looks, and goes straight to libc. Signal masks are for the time of a wait, in which weft's
// threads take no signals: they change nothing.
#include <poll.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <weft/base/deadline.hpp>

#include "base/own_process.hpp"
#include "hooks/caller.hpp"
#include "hooks/next.hpp"
#include "hooks/next_shared.hpp"
#include "hooks/table.hpp"
#include "hooks/times.hpp"
#include "hooks/watching.hpp"

namespace weft::detail {

namespace next {
constexpr next_function<"ppoll", int(pollfd*, nfds_t, const timespec*, const sigset_t*)> ppoll;
constexpr next_function<"__poll_chk", int(pollfd*, nfds_t, int, size_t)> poll_chk;
constexpr next_function<"__ppoll_chk", int(pollfd*, nfds_t, const timespec*, const sigset_t*, size_t)> ppoll_chk;
}  // namespace next

namespace {

constexpr short for_output = POLLOUT | POLLWRNORM | POLLWRBAND;

// A list that the kernel refuses as a whole is left to it to refuse.
constexpr nfds_t most_polled = 1 << 24;

// What the kernel found, which may be in other files by numbers that were closed meanwhile.
int without_closed(const watching& call, pollfd* files, nfds_t count) noexcept {
  int found = 0;
  std::size_t added = 0;
  for (nfds_t i = 0; i < count; ++i) {
    if (files[i].fd >= 0 && call.is_over(added++)) files[i].revents = POLLNVAL;
    found += files[i].revents != 0;
  }
  return found;
}

int poll_on_fiber(control_block& self, const char* function, pollfd* files, nfds_t count, deadline until) noexcept {
  watching call(self, count, function);
  if (!call.has_room()) return call.returns(ENOMEM, 0);
  if (const int error = call.check()) return call.returns(error, 0);
  for (nfds_t i = 0; i < count; ++i) {
    if (files[i].fd >= 0)
      call.add(files[i].fd, (files[i].events & ~for_output) != 0, (files[i].events & for_output) != 0);
  }
  return call.until_found(until, [&] {
    const int found = next::poll(files, count, 0);
    return found < 0 || !call.is_any_over() ? found : without_closed(call, files, count);
  });
}

}  // namespace

const hooks_file poll_hooks{};

extern "C" {

int poll(pollfd* files, nfds_t count, int timeout) {
  control_block* const self = hooked_fiber();
  if (!self || timeout == 0 || count > most_polled || !is_own_process()) [[likely]]
    return next::poll(files, count, timeout);
  return poll_on_fiber(*self, "poll", files, count, timeout < 0 ? never : deadline(std::chrono::milliseconds(timeout)));
}

int __poll_chk(pollfd* files, nfds_t count, int timeout, size_t room) {
  if (!hooked_fiber() || count > room / sizeof(pollfd)) [[likely]]
    return next::poll_chk(files, count, timeout, room);
  return poll(files, count, timeout);
}

int ppoll(pollfd* files, nfds_t count, const timespec* timeout, const sigset_t* mask) {
  control_block* const self = hooked_fiber();
  if (!self || count > most_polled || only_looks(timeout) || !is_own_process()) [[likely]]
    return next::ppoll(files, count, timeout, mask_of_call(self, mask));
  return poll_on_fiber(*self, "ppoll", files, count, timeout ? from_now(*timeout) : never);
}

int __ppoll_chk(pollfd* files, nfds_t count, const timespec* timeout, const sigset_t* mask, size_t room) {
  if (!hooked_fiber() || count > room / sizeof(pollfd)) [[likely]]
    return next::ppoll_chk(files, count, timeout, mask, room);
  return ppoll(files, count, timeout, mask);
}

}  // extern "C"

}  // namespace weft::detail
