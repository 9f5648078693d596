// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/stackless/loop_future.hpp>

#include <algorithm>
#include <mutex>
#include <weft/base/error.hpp>
#include <weft/stackless/error.hpp>
#include <weft/stackless/error_context.hpp>

#include "stackless/loop_core.hpp"
#include "stackless/tasks.hpp"

namespace weft::detail {

loop_future::loop_future(loop_core& on) noexcept : loop_(&on) { on.share(); }

loop_future::~loop_future() {
  if (unretrieved_.load(std::memory_order_relaxed))
    loop_->report({"the exception of a future was never retrieved", error_, {}});
  loop_->let_go();
}

bool loop_future::begin_settling() noexcept {
  state expected = state::pending;
  // acquire: comes after whatever the one before who gave it back did.
  return state_.compare_exchange_strong(expected, state::settling, std::memory_order_acquire,
                                        std::memory_order_relaxed);
}

void loop_future::require_settling() {
  if (!begin_settling()) throw_invalid_state("weft::stackless: the future is done already: it was set or cancelled");
}

void loop_future::give_back() noexcept { state_.store(state::pending, std::memory_order_release); }

void loop_future::finish(state as) noexcept {
  wake_list woken;
  std::vector<entry> callbacks;
  {
    const std::lock_guard guard(lock_);
    state_.store(as, std::memory_order_release);  // pairs with `now`
    waiters_.claim_all(outcome::woken, woken);
    callbacks.swap(callbacks_);
  }
  for (const entry& e : callbacks) {
    if (tell(*e.what)) continue;
    e.what->clear();
    e.what->of = {};
  }
  if (loop_->is_on_worker()) loop_->mark_turn();
  woken.unpark_all();
}

bool loop_future::tell(done_callback& what) noexcept {
  share();
  what.of = counted_pointer<loop_future>(this);
  if (!what.is_foreign) return loop_->schedule(what);
  what.call();
  what.clear();
  return true;
}

bool loop_future::cancel() noexcept {
  if (!begin_settling()) return false;
  finish(state::cancelled);
  return true;
}

void loop_future::fail(std::exception_ptr what) {
  if (!what) throw_error(std::errc::invalid_argument, "weft::stackless: a future cannot fail with a null exception");
  require_settling();
  finish_failed(std::move(what));
}

bool loop_future::try_fail(std::exception_ptr what) noexcept {
  if (!begin_settling()) return false;
  finish_failed(std::move(what));
  return true;
}

void loop_future::finish_failed(std::exception_ptr what) noexcept {
  error_ = std::move(what);
  unretrieved_.store(true, std::memory_order_relaxed);
  finish(state::finished);
}

std::exception_ptr loop_future::exception() {
  const state seen = now();
  if (seen < state::cancelled) throw_invalid_state("weft::stackless: the future is not done");
  if (seen == state::cancelled) throw_error(std::errc::operation_canceled, "weft::stackless: the future was cancelled");
  forget_exception();  // as asyncio says: retrieved
  return error_;
}

void loop_future::require_result() {
  if (const std::exception_ptr error = exception()) std::rethrow_exception(error);
}

std::uint64_t loop_future::add(counted_pointer<done_callback> what) {
  what->context.inherit(context_place_here(false));
  {
    const std::lock_guard guard(lock_);
    const std::uint64_t number = ++last_number_;
    if (!is_done()) {
      callbacks_.push_back({number, std::move(what)});
      return number;
    }
  }
  if (!tell(*what)) throw_loop_error("weft::stackless: the event loop is closed");
  return 0;
}

std::uint64_t loop_future::add_watch(counted_pointer<done_callback> what) {
  what->in_any_case = true;
  what->is_foreign = loop_ != &running_loop();
  return add(std::move(what));
}

bool loop_future::remove(std::uint64_t callback) noexcept {
  entry removed{};
  const std::lock_guard guard(lock_);
  const auto at =
      std::find_if(callbacks_.begin(), callbacks_.end(), [callback](const entry& e) { return e.number == callback; });
  if (at == callbacks_.end()) return false;
  std::swap(removed, *at);
  callbacks_.erase(at);
  return true;
}

bool loop_future::show(wait_node& node) noexcept {
  const std::lock_guard guard(lock_);
  if (is_done()) return false;
  waiters_.push_back(node);
  return true;
}

void loop_future::withdraw(wait_node& node) noexcept {
  const std::lock_guard guard(lock_);
  waiters_.remove(node);
}

future_await::future_await(loop_future& what, task_core& self, bool alone)
    : operation(&proceed), what_(what), alone_(alone) {
  belongs_to(self);
  if (what.is_driven_by(self))
    throw_error(std::errc::resource_deadlock_would_occur, "weft::stackless: a task cannot await itself");
}

bool future_await::proceed(operation& self) noexcept { return static_cast<future_await&>(self).advance(); }

bool future_await::advance() noexcept {
  bool is_cancelled = false;
  if (waiting_) {
    waiting_ = false;
    is_cancelled = wait_.end_unheeded() == outcome::cancelled;
    what_.withdraw(wait_.node());
  }
  for (;;) {
    if (is_cancelled || self().word.pending()) {
      const std::uint64_t number = heed_cancellation(self());
      struck_ = alone_ || !what_.hand_on(number);
      if (struck_) return true;
      handed_on_ = true;
    }
    if (what_.is_done()) return true;
    is_cancelled = !wait_.begin(self(), "a future");
    if (is_cancelled) continue;
    if (what_.show(wait_.node()) || !wait_.forgo()) {  // not shown and not forgone: a cancellation unparks us
      waiting_ = true;
      return false;
    }
    return true;
  }
}

void future_await::require_result() {
  if (struck_ || (handed_on_ && what_.now() == loop_future::state::cancelled)) throw cancelled();
  what_.require_result();
}

}  // namespace weft::detail
