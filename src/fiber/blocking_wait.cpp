// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/fiber/blocking_wait.hpp>

#include "fiber/end_wait.hpp"
#include "fiber/fibers.hpp"
#include "fiber/waiting.hpp"

namespace weft::detail {
namespace {

constexpr awaited_end of_call{"a blocking call", "weft::blocking: somebody else waits for this call"};

// `left`: whether the caller, who is cancelled, may go while the call runs.
template <class Leave> void wait(blocking_call& call, Leave&& leave) {
  control_block& self = *current_fiber();
  blocking_pool& pool = self.of->owner().blocking();
  waiting me(&self, waiting::may_cancel::yes, of_call.name);
  if (self.has_belongings) call.context.inherit(self.context);
  wait_node node(me.who(), me.ticket());
  (void)call.end.show(node);  // [blocking-1]
  try {
    pool.submit(call);
  } catch (...) {
    me.forgo();
    throw;
  }
  const outcome why = me.park();
  if (why == outcome::woken) [[likely]]
    return;
  if (!pool.withdraw(call)) {             // [blocking-3]
    if (call.end.withdraw(node)) return;  // it has ended meanwhile
    if (!leave()) {                       // it has begun, and is waited for all the same
      (void)wait_for_end(call.end, of_call, &self, never, waiting::may_cancel::no);
      return;
    }
  }
  me.heed(why);
}

}  // namespace

bool blocks_elsewhere() noexcept { return current_fiber() != nullptr; }

void wait_for_call(blocking_call& call) {
  wait(call, [] { return false; });
}

void wait_or_abandon(std::unique_ptr<blocking_call>& call) {
  wait(*call, [&call] {
    if (!call->end.detach()) return false;
    (void)call.release();  // the pool's thread frees it
    return true;
  });
}

}  // namespace weft::detail
