// SPDX-License-Identifier: BSL-1.0
// The park word of a movable fiber: it may be resumed by any worker, so nobody may do that before its registers are
// saved. (A sticky fiber needs none: its own worker looks at its queues only after the switch.)
//
// Invariants
//  - running:  the fiber runs, or is on its way off the processor; nobody may enqueue it.
//  - notified: an unpark has come that the fiber has not consumed. Whoever brought it about owes the enqueue: `unpark`
//              if the fiber was parked, else the worker in `commit_park`.
//  - parked:   its registers are saved and it lies in no queue. Whoever moves it on enqueues it.
//
// Protocol
//  [park-1] The fiber, having shown where it waits, switches away. An unpark that comes until then finds running and
//           leaves notified: it is not lost, and nobody touches a stack still in use.
//  [park-2] On the other side of the switch its worker commits. Notified: the worker enqueues the fiber itself.
//  [park-3] An unpark that finds parked enqueues the fiber.
//  [park-4] Whoever resumes the fiber consumes with an acquiring exchange: an unpark that comes at that moment
//           found notified and does nothing, so what it wrote before must be seen by the fiber now. (A plain store
//           loses exactly that wake-up.)
#pragma once

#include <atomic>
#include <cstdint>

namespace weft::detail {

class park_word {
 public:
  enum class unpark_duty : std::uint8_t { nothing, enqueue };
  enum class park_result : std::uint8_t { parked, notified_already };

  park_word() = default;
  park_word(const park_word&) = delete;
  park_word& operator=(const park_word&) = delete;

  // Any thread. [park-1] [park-3]
  [[nodiscard]] unpark_duty unpark() noexcept {
    // release: `resumed` sees what came before. acquire: of `commit_park`, that the registers are saved.
    return word_.exchange(notified, std::memory_order_acq_rel) == parked ? unpark_duty::enqueue : unpark_duty::nothing;
  }

  // The worker that the fiber has left, after the switch. [park-2] Parked: the fiber may be running elsewhere already.
  [[nodiscard]] park_result commit_park() noexcept {
    std::uint32_t old = running;
    // release: hands the saved registers to `unpark`. acquire on failure: the waker has read its last of the fiber, which
    // is enqueued and changed from here on.
    return word_.compare_exchange_strong(old, parked, std::memory_order_release, std::memory_order_acquire)
               ? park_result::parked
               : park_result::notified_already;
  }

  // The worker that resumes the fiber, once per unpark that it runs for. [park-4]
  void resumed() noexcept { word_.exchange(running, std::memory_order_acquire); }  // pairs with every `unpark` so far

 private:
  static constexpr std::uint32_t running = 0, notified = 1, parked = 2;

  std::atomic<std::uint32_t> word_{running};
};

}  // namespace weft::detail
