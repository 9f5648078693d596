// SPDX-License-Identifier: BSL-1.0
// What the kernel tells of a thread of this process.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace weft::detail {

// The text of /proc/self/task/THREAD/NAME, cut to fit and ended by a zero. False if there is none. Any thread.
[[nodiscard]] bool read_task_file(pid_t thread, const char* name, char* to, std::size_t size) noexcept;

}  // namespace weft::detail
