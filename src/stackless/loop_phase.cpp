// SPDX-License-Identifier: BSL-1.0
// [loop-3] The phases of a loop: its worker is held until somebody runs it, and when that is stopped, until the end.
#include <mutex>
#include <utility>
#include <weft/stackless/error.hpp>

#include "sched/pick.hpp"
#include "stackless/loop_core.hpp"

namespace weft::detail {

void loop_core::end_turn(runnable& r) noexcept {
  loop_core& self = static_cast<turn&>(r).of;
  self.turn_queued_ = false;
  self.drop_cancelled_timers();
  if (self.stopping_.exchange(false, std::memory_order_relaxed)) self.hold_worker();  // [loop-3]
}

void loop_core::hold(runnable& r) noexcept { static_cast<turn&>(r).of.hold_worker(); }

void loop_core::hold_worker() noexcept {
  std::unique_lock guard(lock_);
  if (released_) return;
  phase_ = phase::held;
  phase_changed_.notify_all();
  for (; phase_ != phase::running && !released_; guard.lock()) {
    guard.unlock();
    at_->poll(deadline::limit);
  }
}

void loop_core::run() {
  std::unique_lock guard(lock_);
  phase_changed_.wait(guard, [this] { return phase_ != phase::starting; });
  if (phase_ == phase::running) throw_loop_error("weft::stackless: this event loop is already running");
  if (phase_ != phase::held) throw_loop_error("weft::stackless: the event loop is closed");
  phase_ = phase::running;
  if (stopping_.load(std::memory_order_relaxed)) {
    stops_after_mail_ = true;
    if (!std::exchange(mail_sent_, true)) at_->send(mail_);
  }
  at_->poller->wake();
  phase_changed_.wait(guard, [this] { return phase_ != phase::running; });
}

void loop_core::stop() {
  if (is_on_worker()) {
    stopping_.store(true, std::memory_order_relaxed);
    mark_turn();
    return;
  }
  const std::lock_guard guard(lock_);
  if (phase_ == phase::running)
    throw_loop_error("weft::stackless: stop() of a loop that runs on another thread; call_soon_threadsafe() can do it");
  stopping_.store(true, std::memory_order_relaxed);
}

loop_core::phase loop_core::now() noexcept {
  const std::lock_guard guard(lock_);
  return phase_;
}

bool loop_core::begin_end() {
  std::unique_lock guard(lock_);
  phase_changed_.wait(guard, [this] { return phase_ != phase::starting; });
  if (phase_ == phase::running) throw_loop_error("weft::stackless: an event loop that runs cannot be closed");
  if (phase_ != phase::held) return false;
  dropping_ = true;
  phase_ = phase::ending;
  return true;
}

void loop_core::release_worker() {
  const std::lock_guard guard(lock_);
  released_ = true;
  at_->poller->wake();
}

void loop_core::end() {
  const std::lock_guard guard(lock_);
  phase_ = phase::closed;
}

}  // namespace weft::detail
