// SPDX-License-Identifier: BSL-1.0
// The cancellations of tasks have numbers, in the order in which they were asked for.
//
// A task that is cancelled where it waits for another one hands that on, as in asyncio, but only when it runs: the other
// one may have been struck meanwhile, by a cancellation that was asked for at the same time, and be on its way out. So
// what is handed on keeps its number, and a task that was struck later than that number was given has been told already.
#pragma once

#include <atomic>
#include <cstdint>

namespace weft::detail {

class cancellations {
 public:
  // A new one. Any thread.
  [[nodiscard]] static std::uint64_t next() noexcept { return count_.fetch_add(1, std::memory_order_relaxed) + 1; }
  // The newest. Who was struck by one sees at least its number, which it got through the lock of the task's `end`.
  [[nodiscard]] static std::uint64_t newest() noexcept { return count_.load(std::memory_order_relaxed); }

 private:
  inline static std::atomic<std::uint64_t> count_{0};
};

}  // namespace weft::detail
