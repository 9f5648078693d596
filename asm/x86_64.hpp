// SPDX-License-Identifier: BSL-1.0
// The instructions that C++ has no words for and that stay inside the library, on x86-64. The switch is in
// include/weft/detail/asm/x86_64.hpp.
#pragma once

namespace weft::detail {

inline void pause() noexcept { __builtin_ia32_pause(); }

// Orders this thread's stores before its last exchange with its loads behind this: a locked instruction has done so,
// only the compiler is to be held.
inline void order_behind_exchange() noexcept { asm volatile("" ::: "memory"); }

[[nodiscard]] inline bool shadow_stack_is_on() noexcept {
  unsigned long shadow_stack_pointer = 0;
  asm volatile("rdsspq %0" : "+r"(shadow_stack_pointer));  // without shadow stacks a no-operation
  return shadow_stack_pointer != 0;
}

}  // namespace weft::detail
