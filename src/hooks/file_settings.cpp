// SPDX-License-Identifier: BSL-1.0
#include "hooks/file_settings.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "hooks/times.hpp"

namespace weft::detail {

void file_settings::change() noexcept {
  moment before = now_.load(std::memory_order_relaxed);
  // release: pairs with `now`
  while (before < last_moment &&
         !now_.compare_exchange_weak(before, before + 1, std::memory_order_release, std::memory_order_relaxed)) {
  }
}

bool file_settings::is_nonblocking(int fd) noexcept {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_NONBLOCK);
}

deadline file_settings::limit_of(int fd, direction which) noexcept {
  timeval limit{};
  socklen_t size = sizeof limit;
  const int name = which == direction::read ? SO_RCVTIMEO : SO_SNDTIMEO;
  if (getsockopt(fd, SOL_SOCKET, name, &limit, &size) != 0 || (limit.tv_sec == 0 && limit.tv_usec == 0)) return never;
  return from_now({limit.tv_sec, limit.tv_usec * 1000});
}

std::size_t file_settings::ask_least_of(int fd, std::size_t wanted) noexcept {
  int mark = 0;
  socklen_t size = sizeof mark;
  if (getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &mark, &size) != 0 || mark < 1) mark = 1;
  return std::min(std::size_t(mark), wanted);
}

}  // namespace weft::detail
