// SPDX-License-Identifier: BSL-1.0
// A waiter that can join directly: the joiner's and the canceller's part of that protocol, which `completion` tells.
#pragma once

#include <atomic>
#include <weft/detail/run/completion.hpp>
#include <weft/detail/run/waiter.hpp>

#include WEFT_CPU_HEADER

namespace weft::detail {

// [join-4] The joiner itself. True: it is to park, and one unpark is owed to it. False: it was not shown, or has taken
// itself back. `joins`: the last one that it joined; stale as a rule.
[[nodiscard]] inline bool join_directly(waiter& joiner, std::atomic<completion*>& joins, completion& whom) noexcept {
  joins.store(&whom, std::memory_order_release);  // a canceller that finds the word here sees its memory made
  if (!whom.show_directly(joiner)) return false;
  order_behind_exchange();  // pairs with the one of `cancel_wait`: one of the two sees the other
  return !joiner.word.pending() || !whom.take_back(joiner);
}

// Under the lock that orders cancellations of the joiner. True: that ended a wait, and the caller owes an unpark.
[[nodiscard]] inline bool cancel_wait(waiter& joiner, const std::atomic<completion*>& joins) noexcept {
  if (joiner.word.cancel()) return true;
  order_behind_exchange();                                           // [join-5]; pairs with the one of `join_directly`
  completion* const joined = joins.load(std::memory_order_acquire);  // pairs with the store in `join_directly`
  return joined && joined->take_back(joiner);
}

// Any thread. Whether a wait goes on that nobody has ended. A moment's view.
[[nodiscard]] inline bool is_waiting(const waiter& who, const std::atomic<completion*>& joins) noexcept {
  const completion* const joined = joins.load(std::memory_order_acquire);  // pairs with the store in `join_directly`
  return who.word.is_armed() || (joined && joined->shows_directly(who));
}

struct direct_joiner : waiter {
  using waiter::waiter;

  // Owner only; see `join_directly`.
  [[nodiscard]] bool join(completion& whom) noexcept { return join_directly(*this, joins, whom); }
  // Under the lock that orders changes of the owner's scopes: the innermost one is cancelled; see `cancel_wait`.
  [[nodiscard]] bool cancel() noexcept { return cancel_wait(*this, joins); }

  // Any thread.
  [[nodiscard]] bool is_waiting() const noexcept { return detail::is_waiting(*this, joins); }

  std::atomic<completion*> joins{nullptr};
};

}  // namespace weft::detail
