// SPDX-License-Identifier: BSL-1.0
// The operations of fibers and plain threads on channels, where they cannot go the short way.
#include <weft/detail/sync/channel_core.hpp>

#include <mutex>

#include "fiber/fibers.hpp"
#include "fiber/waiting.hpp"

namespace weft::detail {
namespace {

// What cannot be done under the lock: a thread's first wait makes its waiter, and reading the clock takes longer than all
// else. False: the deadline has passed.
bool prepare(const control_block* self, deadline until) {
  if (!self) (void)thread_waiter::mine();
  return !until.passed();
}

void unpark(waiter* partner) noexcept {
  if (partner) partner->unpark(*partner);
}

// [channel-4]
void withdraw(channel_core& from, channel_node& node) noexcept {
  const std::lock_guard guard(from);
  from.remove(node);
}

}  // namespace

[[gnu::flatten]] bool channel_core::send_locked(void* item, deadline until) {
  control_block* const self = running_fiber();
  bool prepared = self && until.is_never();
  for (;;) {
    waiter* partner = nullptr;
    const answer now = offer(item, partner);
    if (now == answer::wait && prepared) break;
    unlock();
    if (now == answer::done) {
      unpark(partner);
      return true;
    }
    if (now == answer::closed) throw channel_closed();
    if (!prepare(self, until)) return false;
    prepared = true;
    lock();
  }
  waiting me(self, waiting::may_cancel::yes, "room in a channel", waiting::under_lock{});  // [channel-3]
  if (me.is_refused()) [[unlikely]] {
    unlock();
    me.heed(outcome::cancelled);
  }
  channel_node node(me.who(), me.ticket(), item, true);
  add(node);
  unlock();
  const outcome why = me.park(until);  // [channel-4]
  if (why == outcome::woken) [[likely]]
    return true;
  if (why == outcome::closed) throw channel_closed();
  withdraw(*this, node);
  me.heed(why);
  return false;
}

[[gnu::flatten]] bool channel_core::receive_locked(void* into, deadline until) {
  control_block* const self = running_fiber();
  bool prepared = self && until.is_never();
  for (;;) {
    waiter* partner = nullptr;
    const answer now = accept(into, partner);
    if (now == answer::wait && prepared) break;
    unlock();
    if (now == answer::done) {
      unpark(partner);
      return true;
    }
    if (now == answer::closed || !prepare(self, until)) return false;
    prepared = true;
    lock();
  }
  waiting me(self, waiting::may_cancel::yes, "a value from a channel", waiting::under_lock{});  // [channel-3]
  if (me.is_refused()) [[unlikely]] {
    unlock();
    me.heed(outcome::cancelled);
  }
  channel_node node(me.who(), me.ticket(), into, false);
  add(node);
  unlock();
  const outcome why = me.park(until);  // [channel-4]
  if (why == outcome::woken) [[likely]]
    return true;
  if (why == outcome::closed) return false;
  withdraw(*this, node);
  me.heed(why);
  return false;
}

bool channel_core::try_send_locked(void* item) {
  waiter* partner = nullptr;
  const answer now = offer(item, partner);
  unlock();
  unpark(partner);
  if (now == answer::closed) throw channel_closed();
  return now == answer::done;
}

bool channel_core::try_receive_locked(void* into) noexcept {
  waiter* partner = nullptr;
  const answer now = accept(into, partner);
  unlock();
  unpark(partner);
  return now == answer::done;
}

}  // namespace weft::detail
