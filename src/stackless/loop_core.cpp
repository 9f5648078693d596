// SPDX-License-Identifier: BSL-1.0
#include <utility>
#include <weft/base/error.hpp>
#include <weft/stackless/error.hpp>
#include <weft/stackless/error_context.hpp>
#include <weft/stackless/event_loop.hpp>

#include "sched/pick.hpp"
#include "stackless/fd_watches.hpp"
#include "stackless/loop_core.hpp"
#include "stackless/loop_report.hpp"
#include "stackless/tasks.hpp"

namespace weft::detail {

callback::callback(std::source_location asked) noexcept : runnable(&loop_core::call_now), where(asked) {}
callback::~callback() { context.clear(); }

void cancel(callback& what) noexcept {
  what.mark_cancelled();
  if (what.loop && what.loop->is_on_worker() && !what.is_called) what.clear();
}

void throw_invalid_state(const char* what) { throw stackless::invalid_state(what); }
void throw_loop_error(const char* what) { throw stackless::loop_error(what); }

loop_core::loop_core(worker& at, stackless::event_loop* face, ownership how)
    : face_(face),
      how_(how),
      at_(&at),
      runtime_number_(at.owner().number()),
      mail_(*this, &deliver),
      turn_(*this, &end_turn),
      gate_(*this, &hold),
      watches_(std::make_unique<fd_watches>(*this)) {
  mail_.home = turn_.home = gate_.home = &at;  // nobody steals them
  if (how == ownership::owned_by_worker) phase_ = phase::running;
}

loop_core::~loop_core() {
  if (how_ == ownership::owned_by_worker) delete face_;
}

void loop_core::begin() {
  task_desk_of(*at_).loop = this;  // the gate's sending releases it
  at_->send(gate_);
}

void loop_core::let_go() noexcept {
  // acq_rel: what the others did with it is done before it ends.
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

bool loop_core::is_on_worker() const noexcept {
  const task_desk* const desk = task_desk_on_entry();
  return desk && desk->loop == this;
}

void loop_core::require_open() {
  const std::lock_guard guard(lock_);
  if (!open_) throw_loop_error("weft::stackless: the event loop is closed");
}

bool loop_core::schedule(callback& what) noexcept {
  what.loop = this;
  if (!what.context.values) what.context.inherit(context_place_here(false));
  if (is_on_worker()) {
    push(what);
    return true;
  }
  const std::lock_guard guard(lock_);  // [loop-2]
  if (!open_) return false;
  what.share();
  letters_.push_back(what);
  if (!std::exchange(mail_sent_, true)) at_->send(mail_);
  return true;
}

bool loop_core::start(task_core& task) noexcept {
  if (is_on_worker()) {
    task_desk::count(task_desk_of(*at_).created);
    task.set_home(at_);
    task.end.begin(true);
    mark_turn();
    at_->push_ready(task);
    return true;
  }
  const std::lock_guard guard(lock_);
  if (!open_) return false;
  task.of->created_outside.fetch_add(1, std::memory_order_release);  // [empty-1]
  task.set_home(at_);
  task.end.begin(true);
  letters_.push_back(task);
  if (!std::exchange(mail_sent_, true)) at_->send(mail_);
  return true;
}

void loop_core::set_debug(bool on) noexcept {
  debug.store(on, std::memory_order_relaxed);
  try {
    const auto letter = make_callback([this, on] { task_desk_of(*at_).watch(on); }, {});
    if (is_on_worker())
      letter->call();
    else
      (void)schedule(*letter);
  } catch (const std::bad_alloc&) {
    // Then tasks are not watched, only callbacks.
  }
}

void loop_core::mark_turn() noexcept {
  if (turn_queued_) return;
  turn_queued_ = true;
  at_->push_ready(turn_);
}

void loop_core::push(callback& what) noexcept {
  mark_turn();
  what.share();
  at_->push_ready(what);
}

void loop_core::deliver(runnable& r) noexcept {
  loop_core& self = static_cast<turn&>(r).of;
  fifo letters;
  {
    const std::lock_guard guard(self.lock_);
    letters.splice_back(self.letters_);
    self.mail_sent_ = false;
  }
  // Asked to stop before it began to run: what was scheduled before is one batch.
  const bool is_last_batch = std::exchange(self.stops_after_mail_, false);
  if (!is_last_batch && !letters.empty()) self.mark_turn();
  while (runnable* letter = letters.pop_front()) self.at_->push_ready(*letter);
  if (is_last_batch) self.mark_turn();
}

void loop_core::call_now(runnable& r) noexcept {
  auto& what = static_cast<callback&>(r);
  what.loop->call(what);
}

void loop_core::call(callback& what) noexcept {
  mark_turn();
  if ((!dropping_ || what.in_any_case) && !what.is_cancelled()) {
    const borrowed_context around(what.context);
    what.is_called = true;
    try {
      if (debug.load(std::memory_order_relaxed)) [[unlikely]]
        call_watched(what);
      else
        what.call();
    } catch (...) {
      handle({"Exception in callback", std::current_exception(), what.where});
    }
  }
  what.clear();
  what.context.clear();
  what.let_go();
}

void loop_core::call_watched(callback& what) {
  const struct watch {
    loop_core& loop;
    callback& what;
    const std::int64_t begun;
    ~watch() { loop.note_duration(begun, "callback", {}, what.where); }
  } guard{*this, what, at_->owner().clock().now()};
  what.call();
}

void loop_core::note_duration(std::int64_t begun, const char* kind, std::string_view name,
                              const std::source_location& where) noexcept {
  const std::int64_t took = at_->owner().clock().now() - begun;
  if (took >= slow_callback.load(std::memory_order_relaxed)) write_slow(kind, name, where, took);
}

// [loop-4]
void loop_core::close() noexcept {
  dropping_ = true;
  fifo letters;
  {
    const std::lock_guard guard(lock_);
    open_ = false;
    if (how_ == ownership::owned_by_worker) phase_ = phase::closed;
    letters.splice_back(letters_);
    handler_ = nullptr;
  }
  const auto drop = [](callback& what) {
    what.clear();
    what.context.clear();
    what.let_go();
  };
  while (timed_) {
    timed_callback& what = *timed_;
    at_->timers.cancel(what);
    unlink(what);
    drop(what);
  }
  while (runnable* r = letters.pop_front()) drop(static_cast<callback&>(*r));
  watches_->clear();
}

void loop_core::set_handler(handler_type handler) {
  const std::lock_guard guard(lock_);
  std::swap(handler_, handler);
}

void loop_core::report(const stackless::error_context& what) noexcept {
  if (is_on_worker() || now() != phase::running) return handle(what);
  try {
    const auto letter = make_callback([this, what] { handle(what); }, what.where);
    letter->in_any_case = true;
    if (schedule(*letter)) return;
  } catch (const std::bad_alloc&) {
    // Then without the handler.
  }
  write_report(what);
}

void loop_core::handle(const stackless::error_context& what) noexcept {
  handler_type handler;
  try {
    {
      const std::lock_guard guard(lock_);
      handler = handler_;
    }
    if (handler) return handler(*face_, what);
  } catch (...) {
    write_report({"Unhandled error in exception handler", std::current_exception(), what.where});
  }
  write_report(what);
}

}  // namespace weft::detail
