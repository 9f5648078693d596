// SPDX-License-Identifier: BSL-1.0
// A claim decides, once per wait, why a waiter goes on: woken, deadline, cancelled or closed.
//
// Invariants
//  - The word holds (generation, pending, state). Only the owner starts a generation (`arm`); whoever moves the state
//    from armed to a winner has won that generation, and nobody else can.
//  - The memory of a claim is type-stable: it is never anything but a claim, so a late `win` with an old generation
//    reads a valid word and loses.
//  - `pending` mirrors "the innermost scope of the owner is cancelled". While it is set, a cancellable `arm` fails, and
//    setting it claims a cancellable wait: a cancellation is never lost between the check and the wait, because both
//    are read-modify-write operations on this one word.
//
// Protocol (tags are used by everybody who waits or wakes)
//  [claim-1] The owner arms. A refused arm means "cancelled": nothing may be waited for.
//  [claim-2] The owner shows its wait nodes, each with the generation that `arm` returned.
//  [claim-3] A waker wins the generation, moves the value that the waiter came for, then unparks the waiter.
//            Winning acquires what the owner wrote before it armed; the unpark publishes what the winner wrote.
//  [claim-4] The owner, resumed, reads `result`, then unlinks every node before it returns: losers that still hold a
//            node hold the lock of that node's queue.
#pragma once

#include <atomic>
#include <cstdint>

namespace weft::detail {

// Why a wait ended. `none`: it was not won yet.
enum class outcome : std::uint8_t { none, woken, deadline, cancelled, closed };

class claim {
 public:
  // A generation that was armed; zero means the arm was refused.
  using ticket = std::uint64_t;

  // Owner only. Starts a wait that a cancellation may end. Zero if a cancellation is pending: do not wait.
  [[nodiscard]] ticket arm() noexcept {
    std::uint64_t old = word_.load(std::memory_order_relaxed);  // only the owner changes more than `pending`
    do {
      if (old & pending_bit) return 0;
      // acq_rel: release hands the owner's frame to the winner ([claim-3]).
    } while (
        !word_.compare_exchange_weak(old, fresh(old) | armed, std::memory_order_acq_rel, std::memory_order_relaxed));
    return fresh(old);
  }

  // Owner only. Starts a wait that no cancellation ends (mutex lock, clean-up during unwinding, shielded joins).
  [[nodiscard]] ticket arm_deaf() noexcept {
    std::uint64_t old = word_.load(std::memory_order_relaxed);
    while (!word_.compare_exchange_weak(old, fresh(old) | (old & pending_bit) | armed_deaf, std::memory_order_acq_rel,
                                        std::memory_order_relaxed)) {
    }
    return fresh(old);
  }

  // Any thread. True for exactly one caller per generation: it now owes the owner an unpark.
  [[nodiscard]] bool win(ticket generation, outcome why) noexcept {
    std::uint64_t old = word_.load(std::memory_order_relaxed);  // the exchange below decides
    do {
      if ((old & generation_mask) != generation) return false;
      const auto state = old & state_mask;
      if (state != armed && state != armed_deaf) return false;
      // acquire: sees what the owner wrote before `arm`. release: `result` reads the outcome with what preceded it.
    } while (!word_.compare_exchange_weak(old, (old & ~state_mask) | won | (std::uint64_t(why) << outcome_shift),
                                          std::memory_order_acq_rel, std::memory_order_relaxed));
    return true;
  }

  // Any thread, under the lock that orders changes of the owner's scopes. Notes that the owner's innermost scope is
  // cancelled. True if that won a cancellable wait: the caller owes the owner an unpark.
  [[nodiscard]] bool cancel() noexcept {
    std::uint64_t old = word_.load(std::memory_order_relaxed), now;
    do {
      now = old | pending_bit;
      if ((old & state_mask) == armed)
        now = (now & ~state_mask) | won | (std::uint64_t(outcome::cancelled) << outcome_shift);
    } while (!word_.compare_exchange_weak(old, now, std::memory_order_acq_rel, std::memory_order_relaxed));
    return (old & state_mask) == armed;
  }

  // Under the same lock as `cancel`. The owner left the cancelled scope, or entered a shield.
  void clear_pending() noexcept { word_.fetch_and(~pending_bit, std::memory_order_relaxed); }  // ordered by that lock

  // Owner only. Whether its innermost scope is cancelled. Relaxed: a later `arm` decides.
  [[nodiscard]] bool pending() const noexcept { return word_.load(std::memory_order_relaxed) & pending_bit; }

  // Owner only, unparked by the winner of its last generation. What ended that wait.
  [[nodiscard]] outcome last_result() const noexcept {
    return outcome((word_.load(std::memory_order_acquire) >> outcome_shift) & 0x7);  // pairs like `result`
  }

  // Any thread. Whether a wait goes on that nobody has ended. A moment's view, hence relaxed.
  [[nodiscard]] bool is_armed() const noexcept {
    const auto state = word_.load(std::memory_order_relaxed) & state_mask;
    return state == armed || state == armed_deaf;
  }

  // Any thread. What ended the wait of this generation, `none` while it goes on.
  [[nodiscard]] outcome result(ticket generation) const noexcept {
    const auto now = word_.load(std::memory_order_acquire);  // pairs with the release in `win` and `cancel`
    if ((now & generation_mask) != generation || (now & state_mask) != won) return outcome::none;
    return outcome((now >> outcome_shift) & 0x7);
  }

 private:
  // bits 0-1 state, 2-4 outcome, 5 pending, 6-63 generation
  static constexpr std::uint64_t idle = 0, armed = 1, armed_deaf = 2, won = 3, state_mask = 3;
  static constexpr unsigned outcome_shift = 2;
  static constexpr std::uint64_t pending_bit = 1u << 5, generation_step = 1u << 6;
  static constexpr std::uint64_t generation_mask = ~(generation_step - 1);

  static constexpr std::uint64_t fresh(std::uint64_t old) noexcept { return (old & generation_mask) + generation_step; }

  std::atomic<std::uint64_t> word_{idle};
};

}  // namespace weft::detail
