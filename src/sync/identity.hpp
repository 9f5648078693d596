// SPDX-License-Identifier: BSL-1.0
// Who calls: the fiber, the task, or else the thread, by an address that no other who lives has.
#pragma once

#include <cstdint>

namespace weft::detail {

// A multiple of 64. Throws bad_alloc on a thread's first call.
[[nodiscard]] std::uint64_t identity_here();

}  // namespace weft::detail
