// SPDX-License-Identifier: BSL-1.0
// The switch from one stack to another, on aarch64 (AAPCS64).
//
//   the flow that leaves                         `from`                 the flow that continues
//   +--------------------------+                 +--------+             +--------------------------+
//   | caller of the switching  |                 | stack  |--> sp       | ...                      |
//   | function                 |                 | resume |--> 1:       | live registers, put here |
//   +--------------------------+                 | frame  |    x29      | by the compiler          |
//   | x29, x30                 |                 | base   |    x19      +--------------------------+ <- sp = to.stack
//   | live registers, put here |                 +--------+
//   | by the compiler          |
//   +--------------------------+ <- sp
//
// Registers: x0 = from, x1 = to, both lost. x2-x18, x20-x28, x30, the vector registers (d8-d15 are the callee's for
// calls; here they are lost too) and the flags are declared lost. Kept by nobody, hence the thread's: FPCR, TPIDR.
// x19 is kept because it is LLVM's base pointer; why nothing else is, and why inline, is told in x86_64.hpp.
//
// BTI: the label and `weft_context_start` are landing pads. PAC: a return address is signed with the stack pointer of
// its own frame, which the switch leaves where it is. Guarded control stacks (GCS) are not switched, hence
// `shadow_stack_is_on` and the refusal at start.
#pragma once

#include <weft/detail/asm/layout.hpp>

// With SVE in the baseline there are predicates too; its vectors are the v registers with more bits.
#if defined(__ARM_FEATURE_SVE)
#define WEFT_LOST_SVE \
  , "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12", "p13", "p14", "p15"
#else
#define WEFT_LOST_SVE
#endif

namespace weft::detail {

// Keeps the running flow in `from` and continues `to`; returns when somebody continues `from`.
[[gnu::always_inline]] inline void exchange_registers(registers& from, registers& to) noexcept {
  register registers* leaving asm("x0") = &from;
  register registers* continuing asm("x1") = &to;
  asm volatile(
      "mov x2, sp\n\t"
      "adr x3, 1f\n\t"
      "stp x2, x3, [%[from], %[stack_and_resume]]\n\t"
      "stp x29, x19, [%[from], %[frame_and_base]]\n\t"
      "ldp x2, x3, [%[to], %[stack_and_resume]]\n\t"
      "ldp x29, x19, [%[to], %[frame_and_base]]\n\t"
      "mov sp, x2\n\t"
      "br x3\n"
      "1:\n\t"
      "hint #36"  // bti j, in a spelling that every assembler knows
      : [from] "+r"(leaving), [to] "+r"(continuing)
      : [stack_and_resume] "i"(stack_offset), [frame_and_base] "i"(frame_offset)
      : "memory", "cc", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
        "x17", "x18", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30",  //
        "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16",
        "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30",
        "v31" WEFT_LOST_SVE);
}
static_assert(resume_offset == stack_offset + 8 && base_offset == frame_offset + 8, "the words are moved in pairs");

}  // namespace weft::detail

#undef WEFT_LOST_SVE
