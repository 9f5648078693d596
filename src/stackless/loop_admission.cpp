// SPDX-License-Identifier: BSL-1.0
#include <mutex>
#include <weft/stackless/error.hpp>

#include "sched/scheduler.hpp"
#include "sched/this_thread.hpp"
#include "sched/worker.hpp"
#include "stackless/loop_core.hpp"

namespace weft::detail {

loop_core::admission::admission(loop_core& to) {
  const bool is_inside = this_thread.running && this_thread.running->owner().number() == to.runtime_number_;
  const std::lock_guard guard(to.lock_);
  if (!to.open_ || (!is_inside && !to.at_->owner().admit()))
    throw_loop_error("weft::stackless: the event loop is closed");
  if (!is_inside) pinned_ = &to.at_->owner();
}

loop_core::admission::~admission() {
  if (pinned_) pinned_->unpin();
}

}  // namespace weft::detail
