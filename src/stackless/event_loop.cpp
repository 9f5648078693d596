// SPDX-License-Identifier: BSL-1.0
#include <weft/stackless/event_loop.hpp>

#include <unistd.h>

#include <utility>
#include <vector>
#include <weft/base/error.hpp>
#include <weft/detail/stackless/promise.hpp>
#include <weft/sched/runtime.hpp>

#include "sched/scheduler.hpp"
#include "stackless/fd_watches.hpp"
#include "stackless/loop_core.hpp"
#include "stackless/loop_report.hpp"
#include "stackless/tasks.hpp"

namespace weft::detail {

loop_core& running_loop() {
  task_desk* const desk = task_desk_on_entry();
  if (!desk) throw_loop_error("weft::stackless: no running event loop");
  if (!desk->loop) {
    auto face = std::unique_ptr<stackless::event_loop>(new stackless::event_loop(desk->at));
    desk->loop = face.release()->core_;  // which deletes it when it ends
  }
  return *desk->loop;
}

void task_desk::thread_ending(worker&) noexcept {
  if (!loop) return;
  loop->close();
  std::exchange(loop, nullptr)->let_go();
}

void schedule(loop_core& on, callback& what) {
  if (!on.schedule(what)) throw_loop_error("weft::stackless: the event loop is closed");
}

void schedule_at(loop_core& on, timed_callback& what) {
  if (on.is_on_worker()) return on.push_timed(what);
  what.loop = &on;
  what.context.inherit(context_place_here(false));
  what.share();
  const counted_pointer<timed_callback> kept(&what);
  const auto letter = make_callback(
      [&on, kept] {
        if (kept->is_cancelled())
          kept->clear();
        else
          on.push_timed(*kept);
      },
      what.where);
  schedule(on, *letter);
}

void note_never_awaited(const promise_base& of) noexcept {
  const task_desk* const desk = task_desk_on_entry();
  auto* const set = desk ? nullptr : static_cast<stackless::event_loop*>(this_thread.event_loop);
  loop_core* const loop = desk ? desk->loop : set ? &set->core() : nullptr;
  // relaxed: a setting
  if (loop && loop->debug.load(std::memory_order_relaxed))
    write_report(
        {std::string("the task ") + of.stands_at.function_name() + " was never awaited", nullptr, of.stands_at});
}

}  // namespace weft::detail

namespace weft::stackless {
namespace {

options of_a_loop() {
  options with;
  with.workers = 1;
  with.hog_threshold = std::chrono::nanoseconds(0);  // the worker is held while the loop does not run
  return with;
}

}  // namespace

event_loop::event_loop() : runtime_(std::make_unique<runtime>(of_a_loop())), owns_worker_(true) {
  detail::worker& at = scheduler_of(*runtime_).worker_at(0);
  core_ = new detail::loop_core(at, this, detail::loop_core::ownership::owns_worker);
  core_->share();  // the worker's
  detail::will_take_errors(*runtime_);
  static_cast<detail::tasks&>(scheduler_of(*runtime_).of(detail::kind::tasks)).tells = core_;
  core_->begin();
}

event_loop::event_loop(detail::worker& at)
    : core_(new detail::loop_core(at, this, detail::loop_core::ownership::owned_by_worker)), owns_worker_(false) {}

event_loop::~event_loop() {
  if (!owns_worker_) return;
  close();
  if (detail::this_thread.event_loop == this) detail::this_thread.event_loop = nullptr;
  core_->let_go();
}

event_loop::time_point event_loop::time() const { return deadline::clock::now(); }

void event_loop::require_caller() const {
  if (!core_->debug.load(std::memory_order_relaxed) || core_->is_on_worker()) return;
  if (is_running())
    detail::throw_loop_error(
        "weft::stackless: call_soon() of a loop that runs on another thread; there is call_soon_threadsafe()");
}

void event_loop::require_runnable() const {
  if (!owns_worker_ || core_->is_on_worker())
    detail::throw_loop_error("weft::stackless: this event loop is already running");
  if (detail::this_thread.running)
    detail::throw_loop_error("weft::stackless: an event loop cannot be run where another one runs");
  if (is_closed()) detail::throw_loop_error("weft::stackless: the event loop is closed");
  if (is_running()) detail::throw_loop_error("weft::stackless: this event loop is already running");
}

void event_loop::run_forever() {
  require_runnable();
  core_->run();
}

void event_loop::complete(const any_future& what) {
  require_runnable();
  if (&what.core().loop() != core_)
    detail::throw_error(std::errc::invalid_argument,
                        "weft::stackless: run_until_complete() of a future that belongs to another event loop");
  const auto id = what.add_done_callback([this] { core_->stop(); });
  try {
    core_->run();
  } catch (...) {
    what.remove_done_callback(id);
    throw;
  }
  what.remove_done_callback(id);
  if (!what.done()) detail::throw_loop_error("weft::stackless: the event loop was stopped before the future was done");
}

void event_loop::stop() {
  if (!owns_worker_) detail::throw_loop_error("weft::stackless: stop() of a loop that run_forever() does not run");
  core_->stop();
}

void event_loop::close() {
  if (!owns_worker_) detail::throw_loop_error("weft::stackless: an event loop that runs cannot be closed");
  if (runtime_ && scheduler_of(*runtime_).blocking().runs_here())
    detail::throw_loop_error("weft::stackless: an event loop cannot be closed in a call of its own executor");
  if (!core_->begin_end()) return;
  auto& all = static_cast<detail::tasks&>(scheduler_of(*runtime_).of(detail::kind::tasks));
  std::vector<std::source_location> pending;
  all.for_each_living([&pending](const detail::task_core& task) {
    if (!task.hidden) pending.push_back(task.where);
  });
  for (const auto& where : pending) core_->handle({"Task was destroyed but it is pending", nullptr, where});
  core_->release_worker();
  scheduler_of(*runtime_).shut_down();  // on a worker, too: this one is not the loop's, which does not run
  std::vector<std::exception_ptr> errors;
  scheduler_of(*runtime_).of(detail::kind::fibers).take_errors(errors);
  for (auto& error : errors) core_->handle({"an exception of a fiber was never retrieved", std::move(error), {}});
  runtime_ = nullptr;
  core_->end();
}

bool event_loop::is_running() const noexcept { return core_->now() == detail::loop_core::phase::running; }
bool event_loop::is_closed() const noexcept { return core_->now() >= detail::loop_core::phase::ending; }

void event_loop::watch(int fd, bool for_output, detail::counted_pointer<detail::callback> what) {
  core_->require_open();
  detail::require_watchable(fd);
  require_caller();
  core_->watches().add(fd, for_output ? detail::direction::write : detail::direction::read, std::move(what));
}

bool event_loop::remove_reader(int fd) { return core_->watches().remove(fd, detail::direction::read); }
bool event_loop::remove_writer(int fd) { return core_->watches().remove(fd, detail::direction::write); }

void event_loop::set_exception_handler(exception_handler handler) { core_->set_handler(std::move(handler)); }
void event_loop::call_exception_handler(const error_context& what) { core_->report(what); }
void event_loop::default_exception_handler(const error_context& what) noexcept { detail::write_report(what); }

void event_loop::set_debug(bool on) { core_->set_debug(on); }
bool event_loop::get_debug() const noexcept { return core_->debug.load(std::memory_order_relaxed); }
void event_loop::set_slow_callback_duration(std::chrono::nanoseconds from) {
  core_->slow_callback.store(from.count(), std::memory_order_relaxed);
}
std::chrono::nanoseconds event_loop::slow_callback_duration() const noexcept {
  return std::chrono::nanoseconds(core_->slow_callback.load(std::memory_order_relaxed));
}

event_loop& any_future::get_loop() const { return *core().loop().face(); }

event_loop& get_running_loop() { return *detail::running_loop().face(); }

event_loop& get_event_loop() {
  if (detail::this_thread.running) return get_running_loop();
  auto* loop = static_cast<event_loop*>(detail::this_thread.event_loop);
  if (!loop && !detail::this_thread.event_loop_was_set && ::getpid() == ::gettid()) {
    static std::unique_ptr<event_loop> of_main_thread;  // closed at the program's end
    of_main_thread = new_event_loop();
    set_event_loop(loop = of_main_thread.get());
  }
  if (!loop) detail::throw_loop_error("weft::stackless: there is no current event loop in this thread");
  return *loop;
}

void set_event_loop(event_loop* loop) noexcept {
  detail::this_thread.event_loop = loop;
  detail::this_thread.event_loop_was_set = true;
}

std::unique_ptr<event_loop> new_event_loop() { return std::make_unique<event_loop>(); }

}  // namespace weft::stackless
