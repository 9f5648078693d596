// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/sync/blocking_operation.hpp>

#include <weft/base/error.hpp>

#include "stackless/tasks.hpp"

namespace weft::detail {
namespace {

constexpr const char* what_for = "a blocking call";

blocking_pool& pool_of(const task_core& task) noexcept { return task.desk->at.owner().blocking(); }

}  // namespace

bool blocking_operation::advance() noexcept {
  switch (phase_) {
    case phase::fresh:
      return begin();
    case phase::waiting:
      return wait_.end_unheeded() == outcome::woken || leave();
    case phase::deaf:
      (void)wait_.end_unheeded();  // a cancellation is for the next wait
      return true;
    case phase::forgone:
      cancelled_ = wait_.end() == outcome::cancelled;
      return true;
  }
  return true;
}

bool blocking_operation::begin() noexcept {
  if (!wait_.begin(self(), what_for)) {
    cancelled_ = true;
    return true;
  }
  if (self().has_context) call_->context.inherit(self().context);
  (void)call_->end.show(wait_.node());  // [blocking-1]
  try {
    pool_of(self()).submit(*call_);
  } catch (...) {
    error_ = std::current_exception();
    phase_ = phase::forgone;
    return wait_.forgo();
  }
  phase_ = phase::waiting;
  return false;
}

// Cancelled. [blocking-3]
bool blocking_operation::leave() noexcept {
  if (pool_of(self()).withdraw(*call_)) {
    cancelled_ = take_cancellation(self());
    return true;
  }
  if (call_->end.withdraw(wait_.node())) return true;  // it has ended meanwhile
  if (what_ == when_cancelled::abandon && call_->end.detach()) {
    (void)call_.release();  // the pool's thread frees it
    cancelled_ = take_cancellation(self());
    return true;
  }
  wait_.begin_deaf(self(), what_for);
  phase_ = phase::deaf;
  if (call_->end.show(wait_.node()) == completion::shown::waiting) return false;
  return wait_.forgo();  // which succeeds: nobody knows of this wait
}

blocking_call& blocking_operation::ended_call() const {
  if (cancelled_) throw cancelled();
  if (error_) std::rethrow_exception(error_);
  return *call_;
}

}  // namespace weft::detail
