// SPDX-License-Identifier: BSL-1.0
// What a spinning thread does between two looks.
#pragma once

namespace weft::detail {

// One pause; after many of them the thread gives its CPU away, because the holder of a lock may have been preempted.
void relax(unsigned spins) noexcept;

}  // namespace weft::detail
