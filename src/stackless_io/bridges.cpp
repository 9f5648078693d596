// SPDX-License-Identifier: BSL-1.0
#include <weft/base/error.hpp>
#include <weft/detail/stackless/loop_future.hpp>
#include <weft/detail/stackless/task_core.hpp>
#include <weft/detail/stackless_io/task_end.hpp>

#include "fiber/fibers.hpp"
#include "fiber/waiting.hpp"

namespace weft::detail {
namespace {

// [join-1]
void wait(task_core& whom, waiting::may_cancel how) {
  for (;;) {
    waiting me(current_fiber(), how, "the end of a task");
    wait_node node(me.who(), me.ticket());
    switch (whom.end.show(node)) {
      case completion::shown::ended:
        me.forgo();
        return;
      case completion::shown::other_joiner:
        me.forgo();
        throw_error(std::errc::invalid_argument, "weft::await: somebody else awaits this task");
      case completion::shown::waiting:
        break;
    }
    const outcome why = me.park();
    if (why == outcome::woken) return;
    const bool ended = whom.end.withdraw(node);  // [join-3]
    me.heed(why);
    if (ended) return;
  }
}

}  // namespace

void wait_for_end_of(task_core& whom) { wait(whom, waiting::may_cancel::yes); }
void wait_deaf_for_end_of(task_core& whom) { wait(whom, waiting::may_cancel::no); }

void wait_until_done(loop_future& what) {
  waiting me(current_fiber(), waiting::may_cancel::yes, "a future");
  wait_node node(me.who(), me.ticket());
  if (!what.show(node)) {
    me.forgo();
    return;
  }
  const outcome why = me.park();
  what.withdraw(node);
  me.heed(why);
}

}  // namespace weft::detail
