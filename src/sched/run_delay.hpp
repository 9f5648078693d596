// SPDX-License-Identifier: BSL-1.0
// How long a thread has waited for a processor.
#pragma once

#include <sys/types.h>

#include <chrono>

namespace weft::detail {

// Since it was started: ready to run, but others ran. It only grows. Zero where the kernel does not tell (no schedstat in
// /proc). Any thread.
[[nodiscard]] std::chrono::nanoseconds run_delay(pid_t thread) noexcept;

}  // namespace weft::detail
