// SPDX-License-Identifier: BSL-1.0
// The living runtimes, for `stats()` and `dump()` called from outside them. Nothing else is global.
#pragma once

#include <weft/sched/stats.hpp>

namespace weft::detail {

class scheduler;

namespace registry {

void add(scheduler& s);
void remove(scheduler& s) noexcept;
[[nodiscard]] stats_snapshot stats() noexcept;
void dump(int fd) noexcept;

}  // namespace registry
}  // namespace weft::detail
