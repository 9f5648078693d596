// SPDX-License-Identifier: BSL-1.0
#include "fiber/end_wait.hpp"

#include <weft/base/error.hpp>

namespace weft::detail {

bool wait_for_end(completion& of, const awaited_end& what, control_block* self, deadline until,
                  waiting::may_cancel may) {
  for (;;) {
    waiting me(self, may, what.name);
    wait_node node(me.who(), me.ticket());
    switch (of.show(node)) {  // [join-1]
      case completion::shown::ended:
        me.forgo();
        return true;
      case completion::shown::other_joiner:
        me.forgo();
        throw_error(std::errc::invalid_argument, what.refusal);
      case completion::shown::waiting:
        break;
    }
    const outcome why = me.park(until);
    if (why == outcome::woken) return true;
    const bool ended = of.withdraw(node);  // [join-3]
    me.heed(why);
    if (ended) return true;
    if (why == outcome::deadline) return false;
  }
}

}  // namespace weft::detail
