// SPDX-License-Identifier: BSL-1.0
// How a plain thread waits: behind a claim like everybody else, blocked on a futex of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <weft/detail/run/wait_queue.hpp>

namespace weft::detail {

// Type-stable: when a thread ends its waiter goes to the next thread, with its claim and generation.
class alignas(64) thread_waiter : public waiter {  // aligned so that a lock can keep flags beside its address
 public:
  // The calling thread's. Throws bad_alloc on its first use.
  static thread_waiter& mine();

  // Owner only, after it armed. Blocks until the unpark; past `until` (steady nanoseconds) it wins its own claim for
  // outcome::deadline first, unless somebody else was faster.
  void block(claim::ticket generation, std::int64_t until) noexcept;

  wait_node place;  // as that of a fiber

 private:
  friend class thread_waiter_owner;
  thread_waiter() noexcept : waiter(&unpark_thread) {}
  static void unpark_thread(waiter& w) noexcept;

  std::atomic<std::uint32_t> unparked_{0};
  thread_waiter* next_free_ = nullptr;
};

}  // namespace weft::detail
