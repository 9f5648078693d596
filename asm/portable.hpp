// SPDX-License-Identifier: BSL-1.0
// What stands for the other files of this folder on machines that have none: a pause that only holds the compiler, no
// switch of our own (src/context takes Boost.Context's).
#pragma once

#include <atomic>

namespace weft::detail {

inline void pause() noexcept { asm volatile("" ::: "memory"); }

// Orders this thread's stores before its last exchange with its loads behind this: the fence does, whatever came before.
inline void order_behind_exchange() noexcept { std::atomic_thread_fence(std::memory_order_seq_cst); }

[[nodiscard]] inline bool shadow_stack_is_on() noexcept { return false; }

}  // namespace weft::detail
