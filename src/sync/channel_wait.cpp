// SPDX-License-Identifier: BSL-1.0
// The operations of fibers and plain threads on channels, where they cannot go the short way.
#include <weft/detail/sync/channel_core.hpp>

#include <cassert>
#include <mutex>

#include "fiber/fibers.hpp"
#include "fiber/switching.hpp"
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

// [channel-3]. It calls nothing that comes back, and so saves no registers.
[[gnu::noinline]] crossing channel_core::begin_wait(channel_node& node) noexcept {
  fiber_desk* const desk = desk_on_entry();
  control_block* const self = desk ? desk->running() : nullptr;
  const wait_queue& others = node.sends ? receivers_ : senders_;
  if (!self || closed_ || !others.empty() || !is_open_to_cancellation(*self)) [[unlikely]]
    return {};
  const claim::ticket ticket = self->word.arm();
  if (ticket == 0) [[unlikely]]
    return {};
  node.who = self;
  node.generation = ticket;
  add(node);
  unlock();
  // Whoever sees this finds the node shown.
  self->waits_for.store(name_of_channel_wait(node.sends), std::memory_order_release);
  return park_over(*desk, *self);
}

// [channel-4]. Where the value has moved the channel may be gone.
[[gnu::noinline]] bool channel_core::end_wait(const channel_node& node) noexcept {
  if (!node.who) [[unlikely]]
    return false;
  block_of(*node.who).waits_for.store(nullptr, std::memory_order_relaxed);
  assert(node.who->word.result(node.generation) != outcome::none);  // else nobody owed it an unpark
  return node.who->word.last_result() == outcome::woken;
}

bool channel_core::end_send(channel_node& node) {
  if (!node.who) return send_slowly(node.place, never);
  if (node.who->word.last_result() == outcome::closed) throw channel_closed();
  withdraw(*this, node);
  deliver(block_of(*node.who));
}

bool channel_core::end_receive(channel_node& node) {
  if (!node.who) return receive_slowly(node.place, never);
  if (node.who->word.last_result() == outcome::closed) return false;
  withdraw(*this, node);
  deliver(block_of(*node.who));
}

bool channel_core::send_slowly(void* item, deadline until) {
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
  waiting me(self, waiting::may_cancel::yes, name_of_channel_wait(true), waiting::under_lock{});  // [channel-3]
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

bool channel_core::receive_slowly(void* into, deadline until) {
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
  waiting me(self, waiting::may_cancel::yes, name_of_channel_wait(false), waiting::under_lock{});  // [channel-3]
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
