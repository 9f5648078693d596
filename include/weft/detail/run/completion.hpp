// SPDX-License-Identifier: BSL-1.0
// The word in which the end of a fiber or task, its joiner, its handle and its cancellers meet.
//
// Invariants
//  - Zero means ended (and is what memory holds that was never a fiber). While the fiber lives, `alive` is set.
//  - At most one joiner is shown, by the owner of the handle: its wait node, which lies on the joiner's stack, or, for a
//    direct join, its waiter, which is type-stable.
//  - `locked` is held for a handful of instructions by whoever changes or reads the fiber's scopes: the fiber itself,
//    or a canceller. A fiber does not end while it is locked, so a canceller's view of a living fiber stays alive.
//
// Protocol
//  [join-1] The joiner shows its node (`show`), or learns that the fiber has ended.
//  [join-2] The ending fiber either ends at once (no node), or closes the word, copies what the node says, and ends.
//           After that it touches nothing of its control block: the handle's owner may have given it back. Is it detached,
//           it sees to its result and its error before, since that runs code of others; if it has left them for a handle
//           that lets go at the last moment, it does not end yet (`end::deserted`).
//  [join-3] A joiner that was woken by somebody else withdraws its node; if the word is closed it waits for the end,
//           which is a few instructions away, because the node is being read.
//
// Direct joins
// A fiber that joins another one without a deadline, as nearly all do, and a task that joins a task, use neither claim nor
// node: this word decides. That saves two of the four exchanges of a spawn and join (6 ns each of 47). Whoever takes the
// joiner out of the word, and only that, has decided how the join goes on: the ending fiber by the exchange that is the
// end, a canceller or the joiner itself by `take_back`. If it was not the joiner itself, it owes one unpark.
//  [join-4] The joiner stores in `joins` which word it will be in, shows itself (`show_directly`), and then looks for a
//           cancellation (`order_behind_exchange` lies between). There is one: it takes itself back and is cancelled; or
//           somebody was faster, and it parks for the unpark that is owed.
//  [join-5] A canceller marks the claim's word `pending`, which wins no claim, and then, behind the same kind of fence,
//           looks at `joins`: one of the two sees the other. It takes the joiner out of that word, if it is there. A stale
//           `joins` names a word that is type-stable, too: of a fiber that has ended, or of another one that the same
//           fiber joins by now; to cancel that join is as right, as long as the cancellation stands. Whoever takes the mark
//           back holds the lock that orders cancellers, and so none of them is between these two steps.
//  [join-6] Resumed, the joiner looks whether the fiber has ended. If not it was cancelled: a task takes that, a
//           fiber begins anew by its claim.
#pragma once

#include <atomic>
#include <cstdint>
#include <weft/detail/base/cpu_relax.hpp>
#include <weft/detail/run/wait_queue.hpp>

namespace weft::detail {

class completion {
 public:
  // Before anybody else knows the fiber. `detached`: no handle will take it back.
  // release: a canceller that finds the new fiber through a stale reference sees its new id.
  void begin(bool detached) noexcept {
    word_.store(detached ? alive_bit | detached_bit : alive_bit, std::memory_order_release);
  }

  // Any thread. acquire: pairs with the end, so that the result is seen.
  [[nodiscard]] bool has_ended() const noexcept { return word_.load(std::memory_order_acquire) == 0; }

  // The fiber itself: whether no handle will take it back. It may become so until `finish` says.
  [[nodiscard]] bool is_detached() const noexcept { return word_.load(std::memory_order_relaxed) & detached_bit; }

  // Any thread. False: the fiber has ended. Else it is locked, and cannot end until `unlock`.
  [[nodiscard]] bool lock() noexcept {
    std::uintptr_t old = word_.load(std::memory_order_relaxed);  // the exchange below decides
    for (unsigned spins = 0;;) {
      if (!(old & alive_bit) || (old & closing_bit)) return false;
      if (old & locked_bit) {
        relax(spins++);
        old = word_.load(std::memory_order_relaxed);
      } else if (word_.compare_exchange_weak(old, old | locked_bit, std::memory_order_acquire,  // pairs with unlock
                                             std::memory_order_relaxed)) {
        return true;
      }
    }
  }
  void unlock() noexcept { word_.fetch_and(~locked_bit, std::memory_order_release); }  // pairs with `lock`

  // The handle's owner, [join-1]. False: the fiber has ended. `other_joiner` tells a second joiner, who is refused.
  enum class shown { waiting, ended, other_joiner };
  [[nodiscard]] shown show(wait_node& node) noexcept {
    std::uintptr_t old = word_.load(std::memory_order_acquire);
    do {
      if (!(old & alive_bit)) return shown::ended;
      if (old & ~flags) return shown::other_joiner;
      // release: the ending fiber reads the node. acquire on failure: the end that we see brings the result.
    } while (!word_.compare_exchange_weak(old, old | reinterpret_cast<std::uintptr_t>(&node), std::memory_order_release,
                                          std::memory_order_acquire));
    return shown::waiting;
  }

  // The handle's owner, a fiber that can be cancelled, [join-4]. False: the fiber has ended, or somebody else joins it;
  // nothing was shown.
  [[nodiscard]] bool show_directly(waiter& joiner) noexcept {
    std::uintptr_t old = word_.load(std::memory_order_relaxed);  // the exchange decides
    do {
      if (!(old & alive_bit) || (old & ~flags)) return false;
      // release: what the joiner wrote is seen by whoever takes it out, in `finish` and `take_back`.
    } while (!word_.compare_exchange_weak(old, old | direct_bit | reinterpret_cast<std::uintptr_t>(&joiner),
                                          std::memory_order_release, std::memory_order_relaxed));
    return true;
  }
  // Any thread, [join-4], [join-5]. True: the joiner was shown directly and is not any more.
  [[nodiscard]] bool take_back(const waiter& joiner) noexcept {
    const std::uintptr_t there = direct_bit | reinterpret_cast<std::uintptr_t>(&joiner);
    std::uintptr_t old = word_.load(std::memory_order_relaxed);  // the exchange decides
    do {
      if ((old & (direct_bit | ~flags)) != there) return false;
    } while (!word_.compare_exchange_weak(old, old & ~there, std::memory_order_acq_rel, std::memory_order_relaxed));
    return true;
  }

  // Any thread. Whether that joiner is shown directly. A moment's view, hence relaxed.
  [[nodiscard]] bool shows_directly(const waiter& joiner) const noexcept {
    const std::uintptr_t there = direct_bit | reinterpret_cast<std::uintptr_t>(&joiner);
    return (word_.load(std::memory_order_relaxed) & (direct_bit | ~flags)) == there;
  }

  // The handle's owner, [join-3]. Afterwards nobody reads the node. True: the fiber has ended.
  bool withdraw(wait_node& node) noexcept {
    std::uintptr_t old = word_.load(std::memory_order_acquire);
    for (unsigned spins = 0;;) {
      if (!(old & alive_bit)) return true;
      if (old & closing_bit) {
        relax(spins++);
        old = word_.load(std::memory_order_acquire);  // pairs with the end
      } else if (word_.compare_exchange_weak(old, old & ~reinterpret_cast<std::uintptr_t>(&node),
                                             std::memory_order_acquire, std::memory_order_acquire)) {
        return false;
      }
    }
  }

  // The handle's owner. True: from now on the fiber gives its control block back itself. False: it has ended.
  [[nodiscard]] bool detach() noexcept {
    std::uintptr_t old = word_.load(std::memory_order_acquire);
    for (unsigned spins = 0;;) {
      if (!(old & alive_bit)) return false;
      if (old & closing_bit) {
        relax(spins++);
        old = word_.load(std::memory_order_acquire);
      } else if (word_.compare_exchange_weak(old, old | detached_bit, std::memory_order_release,
                                             std::memory_order_acquire)) {
        return true;
      }
    }
  }

  // The ending fiber, [join-2]. The two usual ends, in one attempt: nobody waits or has to be told, a handle will come
  // for it; or somebody joins it directly, and `joiner` is owed an unpark. False: neither, or somebody is changing it.
  [[nodiscard]] bool finish_at_once(waiter*& joiner) noexcept {
    std::uintptr_t old = word_.load(std::memory_order_relaxed);
    if (old == alive_bit)
      joiner = nullptr;
    else if ((old & flags) == (alive_bit | direct_bit))
      joiner = reinterpret_cast<waiter*>(old & ~flags);
    else
      return false;
    return word_.compare_exchange_strong(old, 0, std::memory_order_acq_rel, std::memory_order_relaxed);  // as below
  }

  // The ending fiber, [join-2]. Who joins it directly, at this moment; null: nobody, or in another way.
  // acquire: what the joiner wrote about itself before.
  [[nodiscard]] waiter* who_joins_directly() const noexcept {
    const std::uintptr_t old = word_.load(std::memory_order_acquire);
    return (old & flags) == (alive_bit | direct_bit) ? reinterpret_cast<waiter*>(old & ~flags) : nullptr;
  }
  // And then: ends if nothing else is to be done, and that one still joins it, who is owed an unpark then. One attempt.
  [[nodiscard]] bool finish_for(const waiter& joiner) noexcept {
    std::uintptr_t old = alive_bit | direct_bit | reinterpret_cast<std::uintptr_t>(&joiner);
    return word_.compare_exchange_strong(old, 0, std::memory_order_acq_rel, std::memory_order_relaxed);  // as below
  }

  // The ending fiber, [join-2]. What is still to be done for its end.
  struct end {
    waiter* joiner;            // may have to be woken
    claim::ticket generation;  // 0: a direct join
    bool detached;             // the control block is the ending fiber's to give back
    bool deserted = false;     // it has not ended

    // Any thread, once, if there is a joiner. True: the caller owes it an unpark.
    [[nodiscard]] bool wins_joiner() const noexcept {
      return generation == 0 || joiner->word.win(generation, outcome::woken);
    }
  };
  enum class remains : bool { settled, left_for_handle };
  [[nodiscard]] end finish(remains what = remains::settled) noexcept {
    std::uintptr_t old = word_.load(std::memory_order_relaxed);
    for (unsigned spins = 0;;) {
      if (old & locked_bit) {
        relax(spins++);
        old = word_.load(std::memory_order_relaxed);
      } else if ((old & detached_bit) && what == remains::left_for_handle) {
        return {nullptr, 0, true, true};
      } else if (old & direct_bit) {
        // As below, and acquire for what the joiner wrote.
        if (word_.compare_exchange_weak(old, 0, std::memory_order_acq_rel, std::memory_order_relaxed))
          return {reinterpret_cast<waiter*>(old & ~flags), 0, false};
      } else if (!(old & ~flags)) {
        // release: the result. acquire: what a detaching handle or a canceller wrote.
        if (word_.compare_exchange_weak(old, 0, std::memory_order_acq_rel, std::memory_order_relaxed))
          return {nullptr, 0, (old & detached_bit) != 0};
      } else if (word_.compare_exchange_weak(old, old | closing_bit, std::memory_order_acquire,  // pairs with `show`
                                             std::memory_order_relaxed)) {
        const auto& node = *reinterpret_cast<wait_node*>(old & ~flags);
        const end result{node.who, node.generation, false};
        word_.store(0, std::memory_order_release);  // pairs with everybody who sees the end
        return result;
      }
    }
  }

 private:
  // Beside the address of a node or a waiter: in the bits that alignment leaves, and in two that no program's address has.
  static constexpr std::uintptr_t alive_bit = 1, locked_bit = 2, detached_bit = 4;
  static constexpr std::uintptr_t closing_bit = std::uintptr_t{1} << 62, direct_bit = std::uintptr_t{1} << 63;
  static constexpr std::uintptr_t flags = alive_bit | locked_bit | detached_bit | closing_bit | direct_bit;
  static_assert(sizeof(void*) == 8 && alignof(wait_node) > 4 && alignof(waiter) > 4);

  std::atomic<std::uintptr_t> word_{0};
};

}  // namespace weft::detail
