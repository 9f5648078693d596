// SPDX-License-Identifier: BSL-1.0
// Counters of a runtime. Taken without stopping it, so that sums may be off by what happened meanwhile.
#pragma once

#include <cstdint>

namespace weft {

struct stats_snapshot {
  std::uint64_t workers = 0;
  std::uint64_t live_fibers = 0;  // spawned and not yet ended
  std::uint64_t parked = 0;       // of these: started, and neither running nor ready
  std::uint64_t live_tasks = 0;   // stackless ones
  std::uint64_t spawned = 0;      // fibers, ever
  std::uint64_t stacks_in_use = 0;
  std::uint64_t stacks_pooled = 0;
  std::uint64_t stack_bytes = 0;  // address space of all stacks with their guards
  std::uint64_t switches = 0;     // runnables picked
  std::uint64_t steals = 0;
  std::uint64_t polls = 0;   // calls of the poller
  std::uint64_t timers = 0;  // waiting now
  std::uint64_t wakes = 0;   // workers woken out of the poller

  stats_snapshot& operator+=(const stats_snapshot& other) noexcept;
};

// On a fiber or task: of its runtime. Elsewhere: the sum over all living runtimes, and the stacks of generators, which
// belong to none. Any thread; never parks.
[[nodiscard]] stats_snapshot stats();

}  // namespace weft
