// SPDX-License-Identifier: BSL-1.0
// The instructions that C++ has no words for and that stay inside the library, on aarch64. The switch is in
// include/weft/detail/asm/aarch64.hpp.
#pragma once

namespace weft::detail {

inline void pause() noexcept { asm volatile("yield"); }

// Orders this thread's stores before its last exchange with its loads behind this: an exchange alone does not.
inline void order_behind_exchange() noexcept { asm volatile("dmb ish" ::: "memory"); }

[[nodiscard]] inline bool shadow_stack_is_on() noexcept {
  register unsigned long feature asm("x16") = 1;
  asm volatile("hint #40" : "+r"(feature));  // chkfeat: clears the bit where guarded control stacks are on
  return feature == 0;
}

}  // namespace weft::detail
