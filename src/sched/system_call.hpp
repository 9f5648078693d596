// SPDX-License-Identifier: BSL-1.0
// Which system call a thread of this process is in, for the monitor's line.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace weft::detail {

// `, in system call read (fd 7)`; nothing if it is in none, or if the kernel does not tell. Any thread. The length, cut to
// fit.
std::size_t describe_system_call(pid_t thread, char* out, std::size_t size) noexcept;

}  // namespace weft::detail
