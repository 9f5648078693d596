// SPDX-License-Identifier: BSL-1.0
#include <weft/base/error.hpp>
#include <weft/sync/condition_variable.hpp>

#include "fiber/waiting.hpp"
#include "sync/lot_wait.hpp"

namespace weft::detail {

const lot_rule condition::waiting{
    .what = "a condition_variable",
    .enter = [](parking_lot&, parking_lot::word&, wait_node&, bool, wake_list&) noexcept { return entry::wait; },
    .linked =
        [](std::uint64_t note) noexcept {
          auto& held = *reinterpret_cast<held_lock*>(note);
          held.released = true;
          held.unlock(held.lock);
        },
};

void condition::notify_one() noexcept {
  const auto state = lot_.lock();
  wait_node* const first = lot_.queue().claim_one(outcome::woken);
  waiter* const who = first ? first->who : nullptr;
  lot_.unlock(state);
  if (who) who->unpark(*who);
}

void condition::notify_all() noexcept {
  wake_list woken;
  const auto state = lot_.lock();
  lot_.queue().claim_all(outcome::woken, woken);
  lot_.unlock(state);
  woken.unpark_all();
}

bool condition::wait_until(held_lock& held, deadline until) {
  return wait_at(lot_, waiting, until, reinterpret_cast<std::uintptr_t>(&held));
}

condition_step::condition_step(condition& c, std::unique_lock<mutex>& lock, deadline until)
    : lot_operation(&wait_then_lock, c.lot(), condition::waiting, 0, until),
      held_{&verified(lock), [](void* m) { static_cast<mutex*>(m)->unlock(); }},
      relocking_(lock.mutex()->async_lock()) {}

mutex& condition_step::verified(const std::unique_lock<mutex>& lock) {
  if (!lock.owns_lock() || !lock.mutex()->is_mine())
    throw_error(std::errc::operation_not_permitted,
                "weft: condition_variable: the lock that is to be waited with is not held");
  return *lock.mutex();
}

bool condition_step::wait_then_lock(operation& o) noexcept {
  auto& me = static_cast<condition_step&>(o);
  if (!me.waited_) {
    me.node().note = reinterpret_cast<std::uintptr_t>(&me.held_);
    if (!me.advance()) return false;
    me.waited_ = true;
    me.relocking_.belongs_to(me.self());
  }
  return !me.held_.released || me.relocking_.await_ready();
}

}  // namespace weft::detail

namespace weft {

std::cv_status condition_variable::wait_until(std::unique_lock<mutex>& lock, deadline until) {
  mutex& held = detail::condition_step::verified(lock);
  return detail::wait_on(condition_, held, until) ? std::cv_status::no_timeout : std::cv_status::timeout;
}

}  // namespace weft
