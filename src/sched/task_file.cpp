// SPDX-License-Identifier: BSL-1.0
#include "sched/task_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace weft::detail {

bool read_task_file(pid_t thread, const char* name, char* to, std::size_t size) noexcept {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/task/%d/%s", int(thread), name);
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t got = ::read(file, to, size - 1);
  ::close(file);
  to[std::max<ssize_t>(got, 0)] = '\0';
  return got > 0;
}

}  // namespace weft::detail
