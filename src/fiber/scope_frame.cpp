// SPDX-License-Identifier: BSL-1.0
#include <weft/fiber/scope.hpp>

#include <mutex>
#include <new>
#include <utility>
#include <weft/base/error.hpp>

#include "fiber/fibers.hpp"
#include "fiber/scope_core.hpp"
#include "fiber/waiting.hpp"

namespace weft {

void scope::cancel() noexcept { detail::request(core_->region); }

bool scope::cancelled() const noexcept { return detail::requested_from(core_->region) != nullptr; }

}  // namespace weft

namespace weft::detail {
namespace {

bool is_cancellation(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const cancelled&) {
    return true;
  } catch (...) {
    return false;
  }
}

// Not a cancellation point: a cancellation has reached the children, too, and they will end.
void wait_for_zero(scope_core& scope, const std::size_t& count) {
  for (;;) {
    waiting me(waiting::may_cancel::no, "the children of its scope");
    wait_node node(me.who(), me.ticket());
    bool wait = false;
    {
      const std::lock_guard guard(scope.lock);
      wait = count != 0;
      if (wait) scope.owner.push_back(node);
    }
    if (!wait) {
      me.forgo();
      return;
    }
    (void)me.park();
  }
}

void cancel_daemons(scope_core& scope) noexcept {
  wake_list woken;
  request_daemons(scope, woken);
  woken.unpark_all();
}

}  // namespace

runtime* runtime_of(scope_core& scope) noexcept { return &scope.region.owner->of->owner().face(); }

scope_frame::scope_frame() {
  static_assert(sizeof(scope_core) <= sizeof room_ && alignof(scope_core) <= 16);
  control_block* const self = current_fiber();
  if (!self) throw_error(std::errc::operation_not_permitted, "weft: with_scope() off a fiber");
  auto* core = ::new (static_cast<void*>(room_)) scope_core;
  core->region.children = core;
  enter(*self, core->region, deadline::limit, false);
}

scope_frame::~scope_frame() {
  drop_errors(core());
  core().~scope_core();
}

scope_core& scope_frame::core() noexcept { return *std::launder(reinterpret_cast<scope_core*>(room_)); }

void scope_frame::body_failed(std::exception_ptr error) noexcept {
  body_error_ = std::move(error);
  scope_core& scope = core();
  if (!is_cancellation(body_error_)) {
    const std::lock_guard guard(scope.lock);
    scope.of_body = body_error_;
    scope.before_body = scope.failed_count;
  }
}

bool scope_frame::close() {
  scope_core& scope = core();
  // A body that was cut short by this scope, as against one that passes on what came from outside.
  const bool own_cancellation = body_error_ && is_cut_short(scope.region);
  if (body_error_) request(scope.region);
  do {
    wait_for_zero(scope, scope.children);
    cancel_daemons(scope);
    wait_for_zero(scope, scope.daemons);
    const std::lock_guard guard(scope.lock);
    if (scope.children == 0 && scope.daemons == 0) scope.open = false;
  } while (scope.open);
  leave(*scope.region.owner, scope.region);
  rethrow_errors(scope);
  if (!body_error_) {
    if (scope.was_cut_short) check_cancellation();  // so is the whole, whatever the body has returned
    return true;
  }
  if (!own_cancellation) std::rethrow_exception(std::exchange(body_error_, nullptr));
  return false;
}

void scope_frame::throw_no_result() {
  throw_error(std::errc::operation_canceled, "weft: with_scope(): cancelled before its body had a result");
}

}  // namespace weft::detail
