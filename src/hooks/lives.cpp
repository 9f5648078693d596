// SPDX-License-Identifier: BSL-1.0
#include "hooks/lives.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdarg>

#include "base/own_process.hpp"
#include "hooks/next.hpp"
#include "hooks/next_shared.hpp"
#include "hooks/table.hpp"

namespace weft::detail {

namespace next {
constexpr next_function<"close_range", int(unsigned, unsigned, int)> close_range;
constexpr next_function<"closefrom", void(int)> closefrom;
constexpr next_function<"dup", int(int)> dup;
constexpr next_function<"dup2", int(int, int)> dup2;
constexpr next_function<"dup3", int(int, int, int)> dup3;
constexpr next_function<"socket", int(int, int, int)> socket;
constexpr next_function<"socketpair", int(int, int, int, int*)> socketpair;
constexpr next_function<"pipe", int(int*)> pipe;
constexpr next_function<"pipe2", int(int*, int)> pipe2;
constexpr next_function<"eventfd", int(unsigned, int)> eventfd;
constexpr next_function<"timerfd_create", int(clockid_t, int)> timerfd_create;
}  // namespace next

namespace {

int begin_both(int result, const int* ends) noexcept {
  if (result == 0) {
    begin_life(ends[0]);
    begin_life(ends[1]);
  }
  return result;
}

// Whether it can be duplicated at all. Keeps errno.
[[nodiscard]] bool is_number(int fd) noexcept {
  const int error = errno;
  const bool is_open = ::fcntl(fd, F_GETFD) != -1;
  errno = error;
  return is_open;
}

}  // namespace

void ended_lives::end(unsigned first, unsigned last) noexcept {
  const int error = errno;
  if (is_own_process()) {
    first_ = first;
    last_ = last;
    descriptor::for_each(first, last, [this](descriptor& d) {
      if (d.is_relied_on()) d.close(woken_);
    });
  }
  errno = error;
}

void ended_lives::wake() noexcept {
  const int error = errno;
  descriptor::for_each(first_, last_, [this](descriptor& d) { d.close_late(woken_); });
  woken_.unpark_all();
  errno = error;
}

const hooks_file lives_hooks{};

extern "C" {

int close(int fd) {
  const ended_lives ended(fd);
  return next::close(fd);
}

int close_range(unsigned first, unsigned last, int flags) noexcept {
  if (flags != 0) return next::close_range(first, last, flags);  // it closes nothing, or in a table of the caller's own
  const ended_lives ended(first, last);
  return next::close_range(first, last, flags);
}

void closefrom(int first) noexcept {
  const ended_lives ended(unsigned(std::max(first, 0)), UINT_MAX);
  next::closefrom(first);
}

int dup(int fd) noexcept { return begin_life(next::dup(fd)); }

int dup2(int from, int to) noexcept {
  if (from == to || !is_number(from)) return next::dup2(from, to);
  const ended_lives ended(to);
  return next::dup2(from, to);
}

int dup3(int from, int to, int flags) noexcept {
  if (from == to || !is_number(from) || (flags & ~O_CLOEXEC)) return next::dup3(from, to, flags);
  const ended_lives ended(to);
  return next::dup3(from, to, flags);
}

int socket(int family, int type, int protocol) noexcept { return begin_life(next::socket(family, type, protocol)); }

int socketpair(int family, int type, int protocol, int* ends) noexcept {
  return begin_both(next::socketpair(family, type, protocol, ends), ends);
}

int pipe(int* ends) noexcept { return begin_both(next::pipe(ends), ends); }

int pipe2(int* ends, int flags) noexcept { return begin_both(next::pipe2(ends, flags), ends); }

int eventfd(unsigned count, int flags) noexcept { return begin_life(next::eventfd(count, flags)); }

int timerfd_create(clockid_t clock, int flags) noexcept { return begin_life(next::timerfd_create(clock, flags)); }

}  // extern "C"

}  // namespace weft::detail
