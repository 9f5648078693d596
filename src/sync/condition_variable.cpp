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
    .may_be_gone = true,
};

// With the lot locked, as long as it lives.
class condition::notification {
 public:
  explicit notification(parking_lot& of) noexcept : lot_(of), state_(of.lock()) {}
  notification(const notification&) = delete;
  notification& operator=(const notification&) = delete;
  ~notification() {
    while (wait_node* const n = leaving_.front()) {
      leaving_.remove(*n);
      lot_.queue().push_front(*n);
    }
    lot_.unlock(state_);
  }

  // The first who still waits; he is owed an unpark. Null: nobody.
  [[nodiscard]] waiter* claim_next() noexcept {
    while (wait_node* const n = lot_.queue().front()) {
      lot_.queue().remove(*n);
      if (n->who->word.win(n->generation, outcome::woken)) return n->who;
      if (!parking_lot::let_go(*n)) leaving_.push_back(*n);
    }
    return nullptr;
  }

 private:
  parking_lot& lot_;
  const parking_lot::word state_;
  wait_queue leaving_;
};

void condition::notify_one() noexcept {
  waiter* const who = notification(lot_).claim_next();
  if (who) who->unpark(*who);
}

void condition::notify_all() noexcept {
  wake_list woken;
  {
    notification now(lot_);
    while (waiter* const who = now.claim_next()) woken.push(*who);
  }
  woken.unpark_all();
}

bool condition::has_waiters() noexcept {
  const auto state = lot_.lock();
  const wait_node* n = lot_.queue().front();
  // relaxed: one that has been notified has decided before.
  while (n && n->leaves.load(std::memory_order_relaxed) == wait_node::leaving::by_waiter) n = n->next;
  lot_.unlock(state);
  return n != nullptr;
}

void condition::verify_left(const char* what) noexcept {
  for (unsigned spins = 0; lot_.look() & parking_lot::flags; relax(spins++))
    if (has_waiters()) die_of_misuse(what);
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
