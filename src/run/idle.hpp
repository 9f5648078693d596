// SPDX-License-Identifier: BSL-1.0
// Who searches for work, who sleeps, and who must wake whom. The home of the idle protocol.
//
// A worker is active (it runs something), searching (it looks through the others' deques) or a sleeper (it is in the
// poller, or about to enter it). At most one wake-up is in flight: a publisher that sees a searcher wakes nobody, it
// relies on the searcher. What makes that right is that a searcher never leaves without a duty:
//
// Invariants
//  - If stealable work is published, then its publisher wakes a sleeper, or there was no sleeper, or a searcher that
//    had not yet left has still to look for it: it takes it, or on leaving it wakes another ([idle-4]), or it becomes
//    a sleeper and finds it in its re-check ([idle-3]).
//  - `sleepers` in the word is the length of the list; both change only under `lock_`. `searchers` counts those that
//    have still to call `end_search` or `announce`, woken sleepers that do not run yet among them.
//
// Protocol: stealable work
//  [idle-1] A publisher stores its deque's bottom ([deque-1], seq_cst), then loads `word_` (seq_cst): `worker_to_wake`.
//           The one it is given it wakes by [sleep-3]; that one is a searcher from that moment.
//  [idle-2] A worker without work tries to become a searcher, and looks.
//  [idle-3] A worker that found nothing, or may not search, prepares its sleep word, announces itself (seq_cst
//           exchange on `word_`; it is no searcher from that moment), then looks at everything again (`is_empty` of
//           all deques, seq_cst): the Dekker pair with [idle-1]. Either the publisher sees the sleeper or the sleeper
//           sees the work. If it sees some, `retract_to_search`, back to [idle-2]. Else it enters the poller.
//  [idle-4] A searcher that found something to run, whatever it is, ends its search (seq_cst exchange on `word_`). If
//           it was the last one it owes another look: publishers may have relied on it for more work than it took. It
//           asks `worker_to_wake`; it may skip that if it sees every deque empty now (seq_cst again: a publisher that
//           relied on it has published before this exchange).
//  [idle-5] A worker that leaves the poller retracts. It may find that a publisher has made it a searcher meanwhile.
//
// Protocol: what only one worker can do (its inbox, a request to stop)
//  [sleep-1] The worker prepares (seq_cst exchange), then looks at its inbox and its other orders (seq_cst loads).
//  [sleep-2] It sleeps, or not; then it ends the preparation.
//  [sleep-3] A waker leaves its order (seq_cst), then calls `wake`. Either it sees the preparation or the worker sees
//            the order. The one caller that gets true writes the worker's eventfd.
//
// Why a lock: it is taken only where a sleeper comes, goes or is chosen, next to system calls that cost a hundred times
// more; removal from the middle (a timer woke it) makes lock-free lists long proofs.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>
#include <weft/detail/base/spin_lock.hpp>

namespace weft::detail {

class idle {
 public:
  static constexpr unsigned max_workers = 1024;

  // How many may search at once by their own decision. None where there is one CPU: looking takes it from the others.
  [[nodiscard]] static unsigned searcher_limit(unsigned workers, unsigned cpus) noexcept;

  idle(unsigned workers, unsigned searcher_limit);
  idle(const idle&) = delete;
  idle& operator=(const idle&) = delete;

  // Any thread, after a seq_cst publication of stealable work. [idle-1] The index of a worker that the caller must wake
  // ([sleep-3]), or -1. One load when nobody sleeps.
  [[nodiscard]] int worker_to_wake() noexcept {
    const std::uint32_t now = word_.load(std::memory_order_seq_cst);  // pairs with `announce`, `end_search`
    return may_wake(now) ? choose_sleeper() : -1;
  }

  // The first half of `worker_to_wake`, for callers that keep the rest out of line.
  [[nodiscard]] bool has_worker_to_wake() const noexcept {
    return may_wake(word_.load(std::memory_order_seq_cst));  // pairs with `announce`, `end_search`
  }

  // An active worker. [idle-2] False: there are enough searchers; go to [idle-3], or try again a little later.
  [[nodiscard]] bool try_search() noexcept;

  // A searcher that found something to run. [idle-4] True: it was the last, call `worker_to_wake` if work may be left.
  [[nodiscard]] bool end_search() noexcept;

  // The worker `index`, searching or active; its sleep word is prepared. [idle-3] Then it re-checks everything.
  void announce(unsigned index, bool was_searching) noexcept;

  enum class role : std::uint8_t { active, searching };
  // The sleeper `index`, which leaves the poller or has something of its own to do. [idle-5] `searching`: a publisher
  // has chosen it; it must search, or call `end_search` if it runs something.
  [[nodiscard]] role retract(unsigned index) noexcept;
  // The sleeper `index`, whose re-check saw stealable work. It is a searcher now, whatever the limit: others may have
  // relied on it.
  void retract_to_search(unsigned index) noexcept;

  // Any thread. For statistics and tests: both may have changed already.
  [[nodiscard]] unsigned sleepers() const noexcept { return sleepers_of(word_.load(std::memory_order_relaxed)); }
  [[nodiscard]] unsigned searchers() const noexcept { return searchers_of(word_.load(std::memory_order_relaxed)); }

 private:
  // bits 0-15 sleepers, 16-31 searchers
  static constexpr std::uint32_t one_sleeper = 1, one_searcher = 1u << 16;
  static constexpr unsigned sleepers_of(std::uint32_t word) noexcept { return word & (one_searcher - 1); }
  static constexpr unsigned searchers_of(std::uint32_t word) noexcept { return word / one_searcher; }
  static constexpr bool may_wake(std::uint32_t word) noexcept { return sleepers_of(word) && !searchers_of(word); }

  static constexpr std::uint16_t not_asleep = 0xffff;

  int choose_sleeper() noexcept;
  bool remove(unsigned index) noexcept;

  // Read by every publisher, written only when a worker starts or stops to search or sleep.
  alignas(64) std::atomic<std::uint32_t> word_{0};
  const unsigned searcher_limit_;
  alignas(64) spin_lock lock_;
  std::vector<std::uint16_t> list_;      // the sleepers; the last one came last and is the warmest
  std::vector<std::uint16_t> position_;  // where in the list each worker is, or `not_asleep`
};

// Whether one worker sleeps, for those who have an order for it and nobody else.
class sleep_word {
 public:
  sleep_word() = default;
  sleep_word(const sleep_word&) = delete;
  sleep_word& operator=(const sleep_word&) = delete;

  // Owner only. [sleep-1] seq_cst: pairs with `wake`; an exchange, since the looks that follow must not come before it.
  void prepare() noexcept { word_.exchange(asleep, std::memory_order_seq_cst); }

  // Any thread, after it left its order seq_cst. [sleep-3] True for one caller per preparation: it owes the eventfd
  // write. One load when the worker is awake or has been woken.
  [[nodiscard]] bool wake() noexcept {
    return word_.load(std::memory_order_seq_cst) == asleep && claim_wake();  // pairs with `prepare`
  }

  // Owner only. [sleep-2] True if somebody won `wake`: its eventfd write has come or will come, maybe only during the
  // next sleep, which it then ends early.
  bool end() noexcept { return word_.exchange(awake, std::memory_order_acquire) == woken; }  // pairs with `wake`

 private:
  static constexpr std::uint32_t awake = 0, asleep = 1, woken = 2;

  bool claim_wake() noexcept {
    std::uint32_t old = asleep;
    // release: `end` sees the order. Failure: another waker has won, or the worker is awake and will look.
    return word_.compare_exchange_strong(old, woken, std::memory_order_acq_rel, std::memory_order_relaxed);
  }

  std::atomic<std::uint32_t> word_{awake};
};

}  // namespace weft::detail
