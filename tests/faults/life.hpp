// SPDX-License-Identifier: BSL-1.0
// Everything that makes weft call something, done once.
#pragma once

#include <cstddef>

namespace weft::faults {

inline constexpr std::size_t letter = 150'000;  // more than a socket's buffer

// A plain thread. Throws what came of a call that failed.
void live();

// A part of it.
void live_as_tasks();

}  // namespace weft::faults
