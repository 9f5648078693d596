// SPDX-License-Identifier: BSL-1.0
#include "fiber/scope_core.hpp"

#include <mutex>
#include <new>
#include <utility>
#include <vector>
#include <weft/base/error.hpp>

#include "fiber/control_block.hpp"
#include "fiber/ending.hpp"

namespace weft::detail {
namespace {

// The owner. The first of those who failed, whose block goes.
std::exception_ptr take_error(scope_core& scope) noexcept {
  --scope.failed_count;
  return take_left_error(block_of(*scope.failed.pop_front()));
}

std::vector<std::exception_ptr> take_errors(scope_core& scope) {
  std::vector<std::exception_ptr> all;
  all.reserve(scope.failed_count + 1);
  for (std::size_t i = 0; scope.failed_count != 0; ++i) {
    if (i == scope.before_body && scope.of_body) all.push_back(std::exchange(scope.of_body, nullptr));
    all.push_back(take_error(scope));
  }
  if (scope.of_body) all.push_back(std::exchange(scope.of_body, nullptr));
  return all;
}

// For whoever keeps the owner in the scope.
bool is_cancelled_from_outside(const scope_core& scope) noexcept {
  return !scope.region.barrier && requested_from(*scope.region.outer) != nullptr;
}

}  // namespace

void join_scope(scope_core& scope, control_block& child) {
  const std::lock_guard guard(scope.lock);
  if (!scope.open) throw_error(std::errc::invalid_argument, "weft: scope::spawn: the scope has been left");
  child.older = scope.youngest;
  child.younger = nullptr;
  if (scope.youngest) scope.youngest->younger = &child;
  scope.youngest = &child;
  ++(child.kind.daemon ? scope.daemons : scope.children);
  // A child of a cancelled scope is cancelled from birth. A canceller that marks the scope later finds it in the list.
  if (requested_from(scope.region) || (child.kind.daemon && scope.daemons_cancelled))
    child.base.requested.store(true, std::memory_order_relaxed);
}

void leave_scope(scope_core& scope, control_block& child) noexcept {
  if (child.error) {
    {
      const std::lock_guard guard(scope.lock);
      scope.failed.push_back(child);
      ++scope.failed_count;
    }
    request(scope.region);
  }
  wake_list woken;
  {
    const std::lock_guard guard(scope.lock);
    if (child.how == fate::cancelled && !child.kind.daemon && is_cancelled_from_outside(scope))
      scope.was_cut_short = true;
    if (child.older) child.older->younger = child.younger;
    (child.younger ? child.younger->older : scope.youngest) = child.older;
    auto& count = child.kind.daemon ? scope.daemons : scope.children;
    if (--count == 0) scope.owner.claim_all(outcome::woken, woken);
  }
  woken.unpark_all();
}

void rethrow_errors(scope_core& scope) {
  if (scope.failed_count + (scope.of_body ? 1 : 0) > 1) {
    try {
      throw exception_group(take_errors(scope));
    } catch (const std::bad_alloc&) {  // then only the first
    }
  }
  if (scope.of_body && (scope.before_body == 0 || scope.failed_count == 0))
    std::rethrow_exception(std::exchange(scope.of_body, nullptr));
  if (scope.failed_count != 0) std::rethrow_exception(take_error(scope));
}

void drop_errors(scope_core& scope) noexcept {
  scope.of_body = nullptr;
  while (scope.failed_count != 0) (void)take_error(scope);
}

}  // namespace weft::detail
