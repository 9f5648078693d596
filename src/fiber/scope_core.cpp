// SPDX-License-Identifier: BSL-1.0
#include "fiber/scope_core.hpp"

#include <mutex>
#include <utility>
#include <weft/base/error.hpp>

#include "fiber/control_block.hpp"

namespace weft::detail {

void join_scope(scope_core& scope, control_block& child) {
  const std::lock_guard guard(scope.lock);
  if (!scope.open) throw_error(std::errc::invalid_argument, "weft: scope::spawn: the scope has been left");
  child.older = scope.youngest;
  child.younger = nullptr;
  if (scope.youngest) scope.youngest->younger = &child;
  scope.youngest = &child;
  ++(child.kind.daemon ? scope.daemons : scope.children);
  // A child of a cancelled scope is cancelled from birth. A canceller that marks the scope later finds it in the list.
  if (requested_from(scope.region)) child.base.requested.store(true, std::memory_order_relaxed);
}

void leave_scope(scope_core& scope, control_block& child, std::exception_ptr error) noexcept {
  if (error) {
    {
      const std::lock_guard guard(scope.lock);
      scope.errors.push_back(std::move(error));
    }
    request(scope.region);
  }
  wake_list woken;
  {
    const std::lock_guard guard(scope.lock);
    if (child.older) child.older->younger = child.younger;
    (child.younger ? child.younger->older : scope.youngest) = child.older;
    auto& count = child.kind.daemon ? scope.daemons : scope.children;
    if (--count == 0) scope.owner.claim_all(outcome::woken, woken);
  }
  woken.unpark_all();
}

}  // namespace weft::detail
