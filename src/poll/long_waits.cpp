// SPDX-License-Identifier: BSL-1.0
#include "poll/long_waits.hpp"

#include <weft/base/deadline.hpp>

namespace weft::detail {

void long_waits::start() noexcept {
  ticks_ = true;
  hand_.put_before(ends_);
  tick_.at = deadline(period).to_nanoseconds();
  timers_.insert(tick_);
}

void long_waits::look(timer_node& node, wake_list& woken) noexcept {
  long_waits& self = static_cast<tick&>(node).of;
  for (link* at = self.ends_.after; at != &self.hand_; at = at->after) {
    // One whose wait has ended already leaves as soon as it runs.
    place& old = static_cast<place&>(*at);
    if (!old.who_.word.win(old.generation_, outcome::woken)) continue;
    old.was_long_ = true;
    woken.push(old.who_);
  }
  self.hand_.take_out();
  self.ticks_ = false;
  if (self.ends_.after != &self.ends_) self.start();
}

}  // namespace weft::detail
