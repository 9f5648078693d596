// SPDX-License-Identifier: BSL-1.0
// The stacks of the process: for flows that belong to no runtime and may outlive every one, such as generators.
//
// Workers put a cache of their own before the pool; everybody else shares one behind a lock. Both are caches of one
// pool, so a stack may be given back where it was not taken.
#pragma once

#include "context/stack.hpp"
#include "context/stack_pool.hpp"

namespace weft::detail {

// Never destroyed: generators may live in static objects. Throws std::system_error (not_supported) where fibers cannot
// run either. Any thread.
[[nodiscard]] stack_pool& process_stacks();

// For threads without a cache of their own. Throws what `process_stacks` and stack_cache::take throw. Any thread.
[[nodiscard]] stack* take_shared_stack(unsigned size_class);
// Nobody may stand on it. Any thread.
void give_shared_stack(stack* s) noexcept;

// The one that has this address in its guard or in itself, in use or not; null if there is none. Any thread.
[[nodiscard]] stack* find_process_stack(const void* address) noexcept;
// For signal handlers: null also while anybody changes the pool.
[[nodiscard]] stack* try_find_process_stack(const void* address) noexcept;

// Zero as long as nobody has asked for a stack. Any thread.
[[nodiscard]] stack_stats process_stack_stats() noexcept;

}  // namespace weft::detail
