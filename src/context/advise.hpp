// SPDX-License-Identifier: BSL-1.0
// One piece of madvise advice for many ranges.
#pragma once

#include <sys/uio.h>

#include <span>

namespace weft::detail {

inline constexpr int advice_guard_install = 102;  // MADV_GUARD_INSTALL; older headers do not have it

// Gives the advice for every range, in one process_madvise on ourselves where there are many and the kernel allows it
// (6.13 and later), else one by one. False at the first range that is refused; errno says why. Any thread.
[[nodiscard]] bool advise(std::span<iovec> ranges, int advice) noexcept;

}  // namespace weft::detail
