// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/sync/checkpoint.hpp>
#include <weft/sync/event.hpp>

#include "sync/lot_wait.hpp"

namespace weft {

using detail::parking_lot;

const detail::lot_rule event::waiting_{
    .what = "an event",
    .enter = [](parking_lot&, parking_lot::word& state, detail::wait_node&, bool, detail::wake_list&) noexcept {
      return state & set_bit ? detail::entry::over : detail::entry::wait;
    }};

void event::set_slowly() noexcept {
  detail::wake_list woken;
  (void)lot_.lock();
  lot_.queue().claim_all(detail::outcome::woken, woken);
  lot_.unlock(set_bit);
  woken.unpark_all();
}

void event::reset() noexcept {
  (void)lot_.lock();
  lot_.unlock(0);
}

bool event::wait_until(deadline until) {
  detail::checkpoint();
  return is_set() || wait_at(lot_, waiting_, until);
}

}  // namespace weft
