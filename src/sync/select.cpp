// SPDX-License-Identifier: BSL-1.0
// select for fibers and plain threads.
#include <weft/detail/sync/checkpoint.hpp>
#include <weft/detail/sync/select_case.hpp>

#include "fiber/fibers.hpp"
#include "fiber/waiting.hpp"
#include "sync/selection.hpp"

namespace weft::detail {
namespace {

std::size_t index_of(select_cases cases, selected which) {
  if (which.closed && cases[which.index]->what() == select_case::kind::send) throw channel_closed();
  return which.index;
}

}  // namespace

std::size_t select_one(select_cases cases) {
  checkpoint();
  control_block* const self = current_fiber();
  const auto draw = [self] { return self ? self->desk->at.draw() : draw_on_thread(); };
  if (const selected ready = select_alone(cases, draw()); ready.index != selected::none) [[likely]]
    return index_of(cases, ready);

  const select_ends ends(cases);
  const bool late = ends.until.passed();
  if (!self) (void)thread_waiter::mine();  // its first use allocates, which is nothing to be done under a lock
  const std::uint64_t random = draw();
  waiter* partner = nullptr;
  select_locks locks(cases);
  const selected ready = locks.try_all(random, partner);
  if (ready.index != selected::none || late || ends.otherwise != selected::none) {
    locks.unlock();
    if (partner) partner->unpark(*partner);
    if (ready.index != selected::none) return index_of(cases, ready);
    return late ? ends.timeout : ends.otherwise;
  }
  waiting me(self, waiting::may_cancel::yes, "one of several channels", waiting::under_lock{});  // [select-3]
  if (me.is_refused()) [[unlikely]] {
    locks.unlock();
    me.heed(outcome::cancelled);
  }
  locks.show_all(me.who(), me.ticket());
  locks.unlock();
  const outcome why = me.park(ends.until);
  selected chosen = withdraw_all(cases);  // [select-4]
  me.heed(why);
  if (why == outcome::deadline) return ends.timeout;
  chosen.closed = why == outcome::closed;
  return index_of(cases, chosen);
}

}  // namespace weft::detail
