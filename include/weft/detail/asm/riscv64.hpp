// SPDX-License-Identifier: BSL-1.0
// The switch from one stack to another, on riscv64 (lp64d).
//
//   the flow that leaves                         `from`                 the flow that continues
//   +--------------------------+                 +--------+             +--------------------------+
//   | caller of the switching  |                 | stack  |--> sp       | ...                      |
//   | function                 |                 | resume |--> 1:       | live registers, put here |
//   +--------------------------+                 | frame  |    s0       | by the compiler          |
//   | ra, s0                   |                 | base   |    s1       +--------------------------+ <- sp = to.stack
//   | live registers, put here |                 +--------+
//   | by the compiler          |
//   +--------------------------+ <- sp
//
// Registers: a0 = from, a1 = to, both lost. ra, a2-a7, t0-t6, s2-s11 and the floating-point registers (fs0-fs11 are
// the callee's for calls; here they are lost too) are declared lost; vector registers are the caller's. Kept by
// nobody, hence the thread's: fcsr, gp, tp. s1 is kept because it is LLVM's base pointer; why nothing else is, and why
// inline, is told in x86_64.hpp.
//
// The jump goes through t2: with Zicfilp a jump through t2 needs no landing pad. Shadow stacks (Zicfiss) are not
// switched; no released Linux distribution turns them on.
#pragma once

#include <weft/detail/asm/layout.hpp>

// With vectors in the baseline the compiler may keep them across an asm statement (but not vl and vtype).
#if defined(__riscv_vector)
#define WEFT_LOST_VECTORS                                                                                        \
  , "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", \
      "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31"
#else
#define WEFT_LOST_VECTORS
#endif

namespace weft::detail {

// Keeps the running flow in `from` and continues `to`; returns when somebody continues `from`.
[[gnu::always_inline]] inline void exchange_registers(registers& from, registers& to) noexcept {
  register registers* leaving asm("a0") = &from;
  register registers* continuing asm("a1") = &to;
  asm volatile(
      "lla t0, 1f\n\t"
      "sd sp, %[stack](%[from])\n\t"
      "sd t0, %[resume](%[from])\n\t"
      "sd s0, %[frame](%[from])\n\t"
      "sd s1, %[base](%[from])\n\t"
      "ld t2, %[resume](%[to])\n\t"
      "ld sp, %[stack](%[to])\n\t"
      "ld s0, %[frame](%[to])\n\t"
      "ld s1, %[base](%[to])\n\t"
      "jr t2\n"
      "1:"
      : [from] "+r"(leaving), [to] "+r"(continuing)
      : [stack] "i"(stack_offset), [resume] "i"(resume_offset), [frame] "i"(frame_offset), [base] "i"(base_offset)
      : "memory", "ra", "a2", "a3", "a4", "a5", "a6", "a7", "t0", "t1", "t2", "t3", "t4", "t5", "t6",  //
        "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11",                                  //
        "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "ft8", "ft9", "ft10", "ft11", "fa0", "fa1", "fa2",
        "fa3", "fa4", "fa5", "fa6", "fa7", "fs0", "fs1", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10",
        "fs11" WEFT_LOST_VECTORS);
}

}  // namespace weft::detail

#undef WEFT_LOST_VECTORS
