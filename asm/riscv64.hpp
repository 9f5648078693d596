// SPDX-License-Identifier: BSL-1.0
// The instructions that C++ has no words for and that stay inside the library, on riscv64. The switch is in
// include/weft/detail/asm/riscv64.hpp.
#pragma once

namespace weft::detail {

inline void pause() noexcept { asm volatile(".4byte 0x0100000f"); }  // pause (Zihintpause); elsewhere a weak fence

// Orders this thread's stores before its last exchange with its loads behind this: an exchange alone does not.
inline void order_behind_exchange() noexcept { asm volatile("fence rw, rw" ::: "memory"); }

[[nodiscard]] inline bool shadow_stack_is_on() noexcept { return false; }

}  // namespace weft::detail
