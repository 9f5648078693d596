// SPDX-License-Identifier: BSL-1.0
#include <weft/base/error.hpp>
#include <weft/detail/sync/checkpoint.hpp>
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

// Waits in line for somebody who is not ready to wait yet, and keeps the notification for him.
class condition::stand_in : public waiter {
 public:
  explicit stand_in(parking_lot& line) noexcept : waiter(&notify), line_(line), node_(*this, word.arm_deaf()) {
    const auto state = line_.lock();
    line_.queue().push_back(node_);
    line_.unlock(state);
  }
  stand_in(const stand_in&) = delete;
  stand_in& operator=(const stand_in&) = delete;

  // True: notified. May throw `cancelled`.
  [[nodiscard]] bool wait_until(deadline until) { return wait_at(told_, cancellable, until); }
  // False: somebody has notified it.
  [[nodiscard]] bool leave() noexcept {
    if (!word.win(node_.generation, outcome::cancelled)) return false;
    if (!parking_lot::begin_to_leave(node_)) return true;  // [lot-5]
    const auto state = line_.lock();
    line_.queue().remove(node_);
    line_.unlock(state);
    return true;
  }
  // Somebody has, and is about to say so.
  void wait_for_notifier() { (void)wait_at(told_, deaf); }

 private:
  static constexpr parking_lot::word notified = 1 << 2;

  static void notify(waiter& w) noexcept {
    parking_lot& told = static_cast<stand_in&>(w).told_;
    wake_list woken;
    (void)told.lock();
    told.queue().claim_all(outcome::woken, woken);
    told.unlock(notified);
    woken.unpark_all();
  }
  static entry enter(parking_lot&, parking_lot::word& state, wait_node&, bool, wake_list&) noexcept {
    return state & notified ? entry::over : entry::wait;
  }
  static constexpr lot_rule cancellable{.what = "a condition_variable", .enter = &enter};
  static constexpr lot_rule deaf{.what = "a condition_variable", .enter = &enter, .cancellable = false};

  parking_lot& line_;
  parking_lot told_;
  wait_node node_;
};

bool condition::wait_by_stand_in(held_lock& held, deadline until) {
  checkpoint();
  stand_in other(lot_);
  [&held]() noexcept {
    held.released = true;
    held.unlock(held.lock);
  }();
  try {
    if (other.wait_until(until)) return true;
    if (other.leave()) return false;
  } catch (...) {
    if (other.leave()) throw;
  }
  other.wait_for_notifier();
  return true;
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
