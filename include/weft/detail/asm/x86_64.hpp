// SPDX-License-Identifier: BSL-1.0
// The switch from one stack to another, on x86-64 (System V).
//
//   the flow that leaves                         `from`                 the flow that continues
//   +--------------------------+                 +--------+             +--------------------------+
//   | caller of the switching  |                 | stack  |--> rsp      | ...                      |
//   | function                 |                 | resume |--> 1:       | live registers, put here |
//   +--------------------------+                 | frame  |    rbp      | by the compiler          |
//   | return address, rbp      |                 | base   |    rbx      +--------------------------+ <- rsp = to.stack
//   | live registers, put here |                 +--------+
//   | by the compiler          |
//   +--------------------------+ <- rsp          Nothing is pushed: the red zone below rsp stays as it is.
//
// Registers: rdi = from, rsi = to, both lost. rax, rcx, rdx, rbx, r8-r15, the vector, mask and x87 registers and the
// flags are declared lost. Kept by nobody, hence the thread's: MXCSR, the x87 control word, fs, gs.
//
// Why inline and not a function that pushes rbx, rbp, r12-r15: ns one way, AMD Zen 4, g++ 12, medians of 9 rounds.
//
//                                        two loops    ring of 2 / 100 / 1,000 through one yield function
//   call, push, pop, ret                 7.2          4.1 / 4.5 / 4.5
//   call, push, pop, jmp                 2.5          9.8 / 12.4 / 12.1
//   call, mov, mov, ret                  7.8          4.1 / 4.5 / 4.6
//   inline call of one that keeps rbp    6.9          3.6 / 4.4 / 4.4
//   inline push and jmp                  1.3          3.6 / 4.4 / 4.3
//   this                                 1.1          3.6 / 4.1 / 4.3
//   Boost jump_fcontext                  5.5          12.5 / 14.6 / 14.6
//
// `ret` is predicted from the calls of the flow that leaves, so it misses wherever the two sides switch in different
// places; `jmp` behind a call leaves the return predictor one entry too deep, so every return of the caller misses.
// A jump without a call does neither: it is predicted by its history, and calls and returns stay paired.
//
// Unwinding: the stack is never moved inside a function's own frame, so the compiler's CFI holds up to the jump.
// A suspended flow is unwound from its four words, as if it stood at `resume`.
//
// CET: the label and `weft_context_start` are landing pads (IBT). Shadow stacks are not switched: with them on, the
// first return after a switch would fault, hence `shadow_stack_is_on` and the refusal at start.
#pragma once

#include <weft/detail/asm/layout.hpp>

// AVX-512 adds registers, all of them the caller's.
#if defined(__AVX512F__)
#define WEFT_LOST_AVX512                                                                                        \
  , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", \
      "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6", "k7"
#else
#define WEFT_LOST_AVX512
#endif
// And APX general ones.
#if defined(__APX_F__)
#define WEFT_LOST_APX \
  , "r16", "r17", "r18", "r19", "r20", "r21", "r22", "r23", "r24", "r25", "r26", "r27", "r28", "r29", "r30", "r31"
#else
#define WEFT_LOST_APX
#endif

namespace weft::detail {

// Keeps the running flow in `from` and continues `to`; returns when somebody continues `from`.
[[gnu::always_inline]] inline void exchange_registers(registers& from, registers& to) noexcept {
  registers* leaving = &from;
  registers* continuing = &to;
  asm volatile(
      "leaq 1f(%%rip), %%rax\n\t"
      "movq %%rsp, %c[stack](%[from])\n\t"
      "movq %%rax, %c[resume](%[from])\n\t"
      "movq %%rbp, %c[frame](%[from])\n\t"
      "movq %%rbx, %c[base](%[from])\n\t"
      "movq %c[stack](%[to]), %%rsp\n\t"
      "movq %c[frame](%[to]), %%rbp\n\t"
      "movq %c[base](%[to]), %%rbx\n\t"
      "jmpq *%c[resume](%[to])\n"
      "1:\n\t"
      "endbr64"
      : [from] "+D"(leaving), [to] "+S"(continuing)
      : [stack] "i"(stack_offset), [resume] "i"(resume_offset), [frame] "i"(frame_offset), [base] "i"(base_offset)
      : "memory", "cc", "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",  //
        "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
        "xmm13", "xmm14", "xmm15", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)",
        "st(7)" WEFT_LOST_AVX512 WEFT_LOST_APX);
}

}  // namespace weft::detail

#undef WEFT_LOST_AVX512
#undef WEFT_LOST_APX
