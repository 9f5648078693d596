// SPDX-License-Identifier: BSL-1.0
// What a with_scope keeps: its cancel scope, its children, their errors, and the place where its owner waits for them.
//
// Invariants
//  - The lists and counts change under `lock`. A child leaves the list when it has ended; with the last touch of the
//    lock by the last child the owner may go, and the scope with it.
//  - A child that failed keeps its error in its block, which it leaves to the owner: there may be no memory for a list.
//  - Daemons do not count among `children`: when those have ended the owner cancels the daemons and waits for them. One
//    that a daemon spawns on its way out is cancelled from birth, or nobody would ever end it.
#pragma once

#include <cstddef>
#include <exception>
#include <weft/detail/base/spin_lock.hpp>
#include <weft/detail/run/fifo.hpp>
#include <weft/detail/run/wait_queue.hpp>

#include "fiber/cancel_scope.hpp"

namespace weft::detail {

struct scope_core {
  cancel_scope region;
  spin_lock lock;
  bool open = true;
  bool daemons_cancelled = false;
  bool was_cut_short = false;  // a child by what came from outside
  control_block* youngest = nullptr;
  std::size_t children = 0;
  std::size_t daemons = 0;
  wait_queue owner;  // the owner, while it waits for its children
  fifo failed;       // children that left their blocks, in that order
  std::size_t failed_count = 0;
  std::exception_ptr of_body;  // the body's error, which came after so many of theirs
  std::size_t before_body = 0;
};

// The child's fiber or, if it never started, its spawner. Throws invalid_argument if the scope is not open.
void join_scope(scope_core& scope, control_block& child);
// The child, whose body has ended, maybe with an error: the first one cancels the others. The scope may be gone after.
void leave_scope(scope_core& scope, control_block& child) noexcept;
// The owner, whose children have all left. Throws what they and the body threw, if they did: one error unchanged.
void rethrow_errors(scope_core& scope);
// The owner: nobody wants to know.
void drop_errors(scope_core& scope) noexcept;

}  // namespace weft::detail
