// SPDX-License-Identifier: BSL-1.0
#include "sched/run_delay.hpp"

#include <cstdlib>

#include "sched/task_file.hpp"

namespace weft::detail {

std::chrono::nanoseconds run_delay(pid_t thread) noexcept {
  char line[128];
  if (!read_task_file(thread, "schedstat", line, sizeof line)) return {};
  char* rest = line;
  static_cast<void>(std::strtoull(line, &rest, 10));  // it has run so long
  return std::chrono::nanoseconds(std::strtoull(rest, nullptr, 10));
}

}  // namespace weft::detail
