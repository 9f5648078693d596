// SPDX-License-Identifier: BSL-1.0
#include "sched/system_call.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace weft::detail {
namespace {

struct known_call {
  long number;
  const char* name;
  bool takes_fd;  // as its first argument
};

// Those that are likely to wait, and that every processor has. Others go by their number.
constexpr known_call known_calls[] = {
    {SYS_read, "read", true},
    {SYS_write, "write", true},
    {SYS_readv, "readv", true},
    {SYS_writev, "writev", true},
    {SYS_pread64, "pread64", true},
    {SYS_pwrite64, "pwrite64", true},
    {SYS_recvfrom, "recvfrom", true},
    {SYS_recvmsg, "recvmsg", true},
    {SYS_sendto, "sendto", true},
    {SYS_sendmsg, "sendmsg", true},
    {SYS_connect, "connect", true},
    {SYS_accept, "accept", true},
    {SYS_accept4, "accept4", true},
    {SYS_epoll_pwait, "epoll_pwait", true},
    {SYS_ppoll, "ppoll", false},
    {SYS_pselect6, "pselect6", false},
    {SYS_openat, "openat", false},
    {SYS_flock, "flock", true},
    {SYS_fcntl, "fcntl", true},
    {SYS_fsync, "fsync", true},
    {SYS_fdatasync, "fdatasync", true},
    {SYS_wait4, "wait4", false},
    {SYS_waitid, "waitid", false},
    {SYS_nanosleep, "nanosleep", false},
    {SYS_clock_nanosleep, "clock_nanosleep", false},
    {SYS_rt_sigtimedwait, "rt_sigtimedwait", false},
    {SYS_futex, "futex", false},
};

// The kernel's line: the number and the arguments, or that it runs.
[[nodiscard]] bool read_line_of(pid_t thread, char* to, std::size_t size) noexcept {
  char name[64];
  std::snprintf(name, sizeof name, "/proc/self/task/%d/syscall", int(thread));
  const int file = ::open(name, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t got = ::read(file, to, size - 1);
  ::close(file);
  to[std::max<ssize_t>(got, 0)] = '\0';
  return got > 0;
}

}  // namespace

std::size_t describe_system_call(pid_t thread, char* out, std::size_t size) noexcept {
  char line[256];
  if (size == 0 || !read_line_of(thread, line, sizeof line)) return 0;
  char* rest = line;
  const long number = std::strtol(line, &rest, 10);
  if (rest == line || number < 0) return 0;  // "running", or stopped outside a call
  const auto known = std::ranges::find(known_calls, number, &known_call::number);
  int length = 0;
  if (known == std::ranges::end(known_calls))
    length = std::snprintf(out, size, ", in system call %ld", number);
  else if (known->takes_fd)
    length = std::snprintf(out, size, ", in system call %s (fd %d)", known->name, int(std::strtoul(rest, nullptr, 16)));
  else
    length = std::snprintf(out, size, ", in system call %s", known->name);
  return std::min(std::size_t(std::max(length, 0)), size - 1);
}

}  // namespace weft::detail
