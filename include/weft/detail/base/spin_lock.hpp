// SPDX-License-Identifier: BSL-1.0
// A lock for a handful of instructions. Never held across a switch, a system call or a wait.
#pragma once

#include <atomic>
#include <weft/detail/base/cpu_relax.hpp>

namespace weft::detail {

class spin_lock {
 public:
  void lock() noexcept {
    while (locked_.exchange(true, std::memory_order_acquire)) {  // pairs with `unlock`
      for (unsigned spins = 0; locked_.load(std::memory_order_relaxed); ++spins) relax(spins);
    }
  }
  [[nodiscard]] bool try_lock() noexcept {
    return !locked_.load(std::memory_order_relaxed) && !locked_.exchange(true, std::memory_order_acquire);
  }
  void unlock() noexcept { locked_.store(false, std::memory_order_release); }  // pairs with `lock`

 private:
  std::atomic<bool> locked_{false};
};

}  // namespace weft::detail
