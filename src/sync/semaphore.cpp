// SPDX-License-Identifier: BSL-1.0
// Invariant: while somebody waits whose claim can still be won, there is no permit.
#include <weft/base/error.hpp>
#include <weft/detail/sync/checkpoint.hpp>
#include <weft/sync/semaphore.hpp>

#include "sync/lot_wait.hpp"

namespace weft {

using detail::entry;
using detail::parking_lot;

const detail::lot_rule semaphore::acquiring_{
    .what = "a permit of a semaphore",
    .enter =
        [](parking_lot&, parking_lot::word& state, detail::wait_node&, bool, detail::wake_list&) noexcept {
          if (permits_of(state) == 0) return entry::wait;
          state -= word_of(1);
          return entry::over;
        },
};

bool semaphore::try_acquire_slowly() noexcept {
  const auto state = lot_.lock();
  const bool got = permits_of(state) > 0;
  lot_.unlock(got ? state - word_of(1) : state);
  return got;
}

bool semaphore::try_acquire_until(deadline until) {
  detail::checkpoint();
  return try_acquire() || wait_at(lot_, acquiring_, until);
}

void semaphore::release_slowly(std::ptrdiff_t n) {
  if (n < 0) detail::throw_error(std::errc::invalid_argument, "weft: semaphore: release() of a negative number");
  detail::wake_list woken;
  const auto state = lot_.lock();
  if (n > max() - permits_of(state)) {
    lot_.unlock(state);
    detail::throw_error(std::errc::value_too_large, "weft: semaphore: release() beyond max()");
  }
  while (n > 0) {
    detail::wait_node* const next = lot_.queue().claim_one(detail::outcome::woken);
    if (!next) break;
    woken.push(*next->who);
    --n;
  }
  lot_.unlock(state + word_of(n));
  woken.unpark_all();
}

void semaphore::release_unless_free() noexcept {
  const auto state = lot_.lock();
  detail::wait_node* const next = lot_.queue().claim_one(detail::outcome::woken);
  detail::waiter* const who = next ? next->who : nullptr;
  lot_.unlock(who ? state : word_of(1));
  if (who) who->unpark(*who);
}

void semaphore::refuse_permits() {
  detail::throw_error(std::errc::invalid_argument, "weft: semaphore: made with a negative number, or beyond max()");
}

}  // namespace weft
