// SPDX-License-Identifier: BSL-1.0
// What stands for the other files of this folder on machines that have none: a pause that only holds the compiler, no
// switch of our own (src/context takes Boost.Context's).
#pragma once

namespace weft::detail {

inline void pause() noexcept { asm volatile("" ::: "memory"); }

[[nodiscard]] inline bool shadow_stack_is_on() noexcept { return false; }

}  // namespace weft::detail
