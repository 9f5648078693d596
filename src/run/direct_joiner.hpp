// SPDX-License-Identifier: BSL-1.0
// A waiter that can join directly: the joiner's and the canceller's part of that protocol, which `completion` tells.
#pragma once

#include <atomic>
#include <weft/detail/run/completion.hpp>
#include <weft/detail/run/waiter.hpp>

#include WEFT_CPU_HEADER

namespace weft::detail {

struct direct_joiner : waiter {
  using waiter::waiter;

  // [join-4] Owner only. True: it is to park, and one unpark is owed to it. False: it was not shown, or has taken itself
  // back.
  [[nodiscard]] bool join(completion& whom) noexcept {
    joins.store(&whom, std::memory_order_relaxed);  // ordered by the exchange
    if (!whom.show_directly(*this)) return false;
    order_behind_exchange();  // pairs with the one of `cancel`: one of the two sees the other
    return !word.pending() || !whom.take_back(*this);
  }

  // Under the lock that orders changes of the owner's scopes: the innermost one is cancelled. True: that ended a wait, and
  // the caller owes an unpark.
  [[nodiscard]] bool cancel() noexcept {
    if (word.cancel()) return true;
    order_behind_exchange();                                           // [join-5]; pairs with the one of `join`
    completion* const joined = joins.load(std::memory_order_relaxed);  // `take_back` looks at the word that it names
    return joined && joined->take_back(*this);
  }

  std::atomic<completion*> joins{nullptr};  // the last one; stale as a rule
};

}  // namespace weft::detail
