// SPDX-License-Identifier: BSL-1.0
// The living runtimes, for `stats()` and `dump()` called from outside them, and for handles that may outlive theirs.
// Nothing else is global.
#pragma once

#include <cstdint>
#include <weft/sched/stats.hpp>

namespace weft::detail {

class scheduler;

namespace registry {

void add(scheduler& s);
// Its pins are still to be waited for.
void remove(scheduler& s) noexcept;
[[nodiscard]] stats_snapshot stats() noexcept;
void dump(int fd) noexcept;

// The scheduler of that number, which does not go as long as this lives; null if it is gone. Any thread. [pin-4]
class pinned {
 public:
  explicit pinned(std::uint64_t number) noexcept;
  pinned(const pinned&) = delete;
  pinned& operator=(const pinned&) = delete;
  ~pinned();
  [[nodiscard]] scheduler* get() const noexcept { return found_; }

 private:
  scheduler* found_ = nullptr;
};

}  // namespace registry
}  // namespace weft::detail
