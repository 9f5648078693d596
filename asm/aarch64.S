// SPDX-License-Identifier: BSL-1.0
// The first frame of every flow on aarch64: what a fresh context continues at.
//
//   stack top  +------------------------------+ <- sp at entry and in the entry function, a multiple of 16
//
// Registers at entry (from the four words that `context::prepare` wrote): x29 = entry function, x19 = its argument.
// The frame pointer becomes 0 and the return address is declared undefined: the two marks at which walkers by frame
// pointers and by CFI (gdb, perf, backtrace, the C++ unwinder) stop. The return address gives them a frame
// to stop in, and leads an entry function that returns to a message. It is put there by hand: a call would leave an
// entry in the return predictor that no return takes, and every return of the flow that goes on behind this one's end
// would miss (measured: spawn and join of one fiber 4.2 against 3.2 times the cost of a coroutine).

    .text
    .globl  weft_context_start
    .hidden weft_context_start
    .type   weft_context_start, %function
    .p2align 4
weft_context_start:
    .cfi_startproc
    .cfi_undefined x30
    hint    #36                     // bti j: reached by an indirect jump
    mov     x0, x19
    mov     x16, x29                // x16: a jump by it may land where only calls may
    mov     x29, xzr
    adr     x30, 1f
    br      x16
1:  bl      weft_context_returned   // says so, aborts
    brk     #1
    .cfi_endproc
    .size   weft_context_start, . - weft_context_start

// Under -mbranch-protection the linker wants the mark (bit 0: BTI, bit 1: PAC) on every object.
#if defined(__ARM_FEATURE_BTI_DEFAULT) || defined(__ARM_FEATURE_PAC_DEFAULT)
    .section .note.gnu.property, "a", %note
    .p2align 3
    .long   4, 16, 5                // sizes of name and description; NT_GNU_PROPERTY_TYPE_0
    .asciz  "GNU"
    .long   0xc0000000, 4, 3, 0     // GNU_PROPERTY_AARCH64_FEATURE_1_AND, its size, value, padding
#endif
    .section .note.GNU-stack, "", %progbits
