// SPDX-License-Identifier: BSL-1.0
#include <weft/sched/runtime.hpp>

#include <unistd.h>

#include <cstdlib>
#include <utility>
#include <weft/base/error.hpp>

#include "context/raw_line.hpp"
#include "sched/registry.hpp"
#include "sched/scheduler.hpp"

namespace weft::detail {
namespace {

// It would wait for the fiber, task or blocking call that waits for it.
[[noreturn, gnu::cold]] void die_of_end_from_within() noexcept {
  raw_line line;
  line.text("weft: a runtime was destroyed on a fiber or task of its own, or in a call of its blocking pool");
  line.text(" (by exit(), if it is a static object)");
  line.write_to(STDERR_FILENO);
  std::abort();
}

}  // namespace
}  // namespace weft::detail

namespace weft {

stats_snapshot& stats_snapshot::operator+=(const stats_snapshot& other) noexcept {
  workers += other.workers;
  live_fibers += other.live_fibers;
  parked += other.parked;
  live_tasks += other.live_tasks;
  spawned += other.spawned;
  stacks_in_use += other.stacks_in_use;
  stacks_pooled += other.stacks_pooled;
  stack_bytes += other.stack_bytes;
  switches += other.switches;
  steals += other.steals;
  polls += other.polls;
  timers += other.timers;
  wakes += other.wakes;
  return *this;
}

runtime::runtime(options with) : runtime(std::move(with), detail::seams{}) {}

runtime::runtime(options with, const detail::seams& parts)
    : scheduler_(std::make_unique<detail::scheduler>(*this, detail::read_environment(std::move(with)), parts)) {}

runtime::~runtime() {
  detail::worker* const here = detail::current_worker();
  if ((here && &here->owner() == scheduler_.get()) || scheduler_->blocking().runs_here()) [[unlikely]]
    detail::die_of_end_from_within();
  scheduler_->shut_down();
}

stats_snapshot runtime::stats() const { return scheduler_->stats(); }

void runtime::dump(int fd) const { scheduler_->dump(fd); }

void runtime::shutdown() {
  if (detail::current_worker())
    detail::throw_error(std::errc::operation_not_permitted, "weft: runtime::shutdown() on a fiber or task");
  if (scheduler_->blocking().runs_here())
    detail::throw_error(std::errc::operation_not_permitted, "weft: runtime::shutdown() in a blocking call of its own");
  scheduler_->shut_down();
}

runtime::admission::admission(const runtime& to) : to_(to.scheduler_.get()) {
  if (detail::worker* const here = detail::current_worker(); here && &here->owner() == to_)
    to_ = nullptr;
  else if (!to_->admit())
    detail::throw_error(std::errc::operation_not_permitted, "weft: runtime::spawn() after shutdown()");
}

runtime::admission::~admission() {
  if (to_) to_->unpin();
}

void detail::will_take_errors(runtime& of) noexcept { scheduler_of(of).errors_are_taken = true; }

runtime& this_runtime() {
  detail::worker* const here = detail::current_worker();
  if (!here) detail::throw_error(std::errc::operation_not_permitted, "weft: this_runtime() outside a runtime");
  return here->owner().face();
}

stats_snapshot stats() {
  detail::worker* const here = detail::current_worker();
  return here ? here->owner().stats() : detail::registry::stats();
}

void dump(int fd) {
  if (detail::worker* const here = detail::current_worker())
    here->owner().dump(fd);
  else
    detail::registry::dump(fd);
}

}  // namespace weft
