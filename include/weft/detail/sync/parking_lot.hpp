// SPDX-License-Identifier: BSL-1.0
// What a primitive is made of: a word with its state, and the queue of those who wait for that to change. 16 bytes.
//
// Invariants
//  - The word holds two flags and, in the bits above, the state. What the state means is the primitive's affair.
//  - While `locked` is set nobody but who set it changes the word or touches the queue. It is held for a handful of
//    instructions, never across a switch or a wait.
//  - `waited_for` says that the queue is not empty. It may lag behind only while the word is locked.
//
// Protocol
//  [lot-1] Where nobody has to wait or to be woken, a state changes to the next by one exchange of an unlocked word.
//  [lot-2] Else: lock, decide by the state and the queue, and either change the state or link a node. Who is to be woken
//          is claimed and unlinked under that same lock, and is given what it came for at once, by the state: nobody
//          can take it away between, and a claim that somebody else has won (a deadline, a cancellation) is passed over,
//          so that nothing is given to a waiter that has left.
//  [lot-3] The change of the state is published by the store that gives the lock back. That is the last touch of the
//          lot: whoever sees the state may destroy it. The claimed are unparked only then, and by their own memory.
//  [lot-4] A waiter that was woken is done, and does not touch the lot again. One whose wait ended otherwise locks the
//          lot and unlinks its node before it returns; from a wait that was cut short nobody expects anything.
//  [lot-5] A condition variable may go when all have been notified, also those whose wait was cut short and who have not
//          run since. So such a one asks its node first, by an exchange, and leaves the lot alone if a notifier was there
//          before: that is the notifier's last touch of the node. If the waiter was first, the notifier lets it be in the
//          queue, and the destructor waits for it: it runs, and has a handful of instructions to go.
#pragma once

#include <atomic>
#include <cstdint>
#include <weft/detail/base/cpu_relax.hpp>
#include <weft/detail/run/wait_queue.hpp>

namespace weft::detail {

// Ends the process and says why: `what` is a literal.
[[noreturn, gnu::cold]] void die_of_misuse(const char* what) noexcept;

struct lot_access;  // how tests get at the lot of a primitive

class parking_lot {
 public:
  using word = std::uint64_t;
  static constexpr word locked = 1, waited_for = 2, flags = locked | waited_for;

  // `state` has no flags, here and below.
  explicit constexpr parking_lot(word state = 0) noexcept : word_(state) {}
  parking_lot(const parking_lot&) = delete;
  parking_lot& operator=(const parking_lot&) = delete;

  // For destructors.
  void verify_empty(const char* what) const noexcept {
    if (word_.load(std::memory_order_relaxed) & waited_for) [[unlikely]]  // relaxed: nobody else may use it now
      die_of_misuse(what);
  }

  // The state with its flags. acquire: pairs with every change, so that what came before that is seen.
  [[nodiscard]] word look() const noexcept { return word_.load(std::memory_order_acquire); }
  // The same for a first guess, which `try_change` checks.
  [[nodiscard]] word guess() const noexcept { return word_.load(std::memory_order_relaxed); }

  // [lot-1] `from` and `to` with their flags, not locked. When it fails `from` is what was found.
  [[nodiscard]] bool try_change(word& from, word to) noexcept {
    // acq_rel: what was done before the change is seen by who sees it, here and there.
    return word_.compare_exchange_strong(from, to, std::memory_order_acq_rel, std::memory_order_relaxed);
  }

  // [lot-2] Returns the state.
  [[nodiscard]] word lock() noexcept {
    word seen = guess();
    for (unsigned spins = 0;;) {
      if (seen & locked) {
        relax(spins++);
        seen = guess();
      } else if (try_change(seen, seen | locked)) {
        return seen & ~flags;
      }
    }
  }
  // [lot-3] Nobody else has changed the word meanwhile. release: pairs with `look` and every exchange.
  void unlock(word state) noexcept {
    word_.store(queue_.empty() ? state : state | waited_for, std::memory_order_release);
  }
  // While it is locked.
  [[nodiscard]] wait_queue& queue() noexcept { return queue_; }

  // [lot-5] The waiter, whose wait was cut short. False: its node is not linked any more, and the lot may be gone. acquire:
  // pairs with `let_go`.
  [[nodiscard]] static bool begin_to_leave(wait_node& node) noexcept {
    return node.leaves.exchange(wait_node::leaving::by_waiter, std::memory_order_acq_rel) !=
           wait_node::leaving::by_waker;
  }
  // A waker, with the lot locked, who has unlinked the node and has not won its claim. True: it is not to be touched any
  // more. False: the waiter is on its way to the lot. release: pairs with `begin_to_leave`.
  [[nodiscard]] static bool let_go(wait_node& node) noexcept {
    auto before = wait_node::leaving::undecided;
    return node.leaves.compare_exchange_strong(before, wait_node::leaving::by_waker, std::memory_order_release,
                                               std::memory_order_relaxed);
  }

 private:
  std::atomic<word> word_;
  wait_queue queue_;
};

static_assert(sizeof(parking_lot) == 16);

}  // namespace weft::detail
