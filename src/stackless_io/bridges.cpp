// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/stackless/loop_future.hpp>
#include <weft/detail/stackless/task_core.hpp>
#include <weft/detail/stackless_io/task_end.hpp>

#include "fiber/end_wait.hpp"
#include "fiber/fibers.hpp"
#include "fiber/waiting.hpp"

namespace weft::detail {
namespace {

constexpr awaited_end of_task{"the end of a task", "weft::await: somebody else awaits this task"};

}  // namespace

void wait_for_end_of(task_core& whom) {
  (void)wait_for_end(whom.end, of_task, current_fiber(), never, waiting::may_cancel::yes);
}

void wait_deaf_for_end_of(task_core& whom) {
  (void)wait_for_end(whom.end, of_task, current_fiber(), never, waiting::may_cancel::no);
}

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
