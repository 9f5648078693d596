// SPDX-License-Identifier: BSL-1.0
// What a with_scope keeps: its cancel scope, its children, their errors, and the place where its owner waits for them.
//
// Invariants
//  - The lists and counts change under `lock`. A child leaves the list when it has ended; with the last touch of the
//    lock by the last child the owner may go, and the scope with it.
//  - Daemons do not count among `children`: when those have ended the owner cancels the daemons and waits for them.
#pragma once

#include <cstddef>
#include <exception>
#include <vector>
#include <weft/detail/base/spin_lock.hpp>
#include <weft/detail/run/wait_queue.hpp>

#include "fiber/cancel_scope.hpp"

namespace weft::detail {

struct scope_core {
  cancel_scope region;
  spin_lock lock;
  bool open = true;
  control_block* youngest = nullptr;
  std::size_t children = 0;
  std::size_t daemons = 0;
  wait_queue owner;                        // the owner, while it waits for its children
  std::vector<std::exception_ptr> errors;  // in the order in which they happened
};

// The child's fiber or, if it never started, its spawner. Throws invalid_argument if the scope is not open.
void join_scope(scope_core& scope, control_block& child);
// The child, which has ended with this error or none: the first error cancels the others. The scope may be gone after.
void leave_scope(scope_core& scope, control_block& child, std::exception_ptr error) noexcept;

}  // namespace weft::detail
