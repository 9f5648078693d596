// SPDX-License-Identifier: BSL-1.0
// The first frame of every flow on x86-64: what a fresh context continues at.
//
//   stack top  +------------------------------+ <- rsp at entry, a multiple of 16
//              | return address into the start| <- rsp in the entry function: 8 below, as the ABI wants
//              +------------------------------+
//
// Registers at entry (from the four words that `context::prepare` wrote): rbp = entry function, rbx = its argument.
// The frame pointer becomes 0 and the return address is declared undefined: the two marks at which walkers by frame
// pointers and by CFI (gdb, perf, backtrace, the C++ unwinder) stop. The return address gives them a frame
// to stop in, and leads an entry function that returns to a message. It is put there by hand: a call would leave an
// entry in the return predictor that no return takes, and every return of the flow that goes on behind this one's end
// would miss (measured: spawn and join of one fiber 4.2 against 3.2 times the cost of a coroutine).

    .text
    .globl  weft_context_start
    .hidden weft_context_start
    .type   weft_context_start, @function
    .p2align 4
weft_context_start:
    .cfi_startproc
    .cfi_undefined %rip
    endbr64                         // reached by an indirect jump
    movq    %rbx, %rdi
    movq    %rbp, %rax
    xorl    %ebp, %ebp
    leaq    1f(%rip), %rcx
    pushq   %rcx
    jmpq    *%rax
1:  callq   weft_context_returned   // says so, aborts
    ud2
    .cfi_endproc
    .size   weft_context_start, . - weft_context_start

// Under -fcf-protection the compiler defines __CET__ (bit 0: IBT, bit 1: shadow stacks) and the linker wants the mark.
#if defined(__CET__)
    .section .note.gnu.property, "a", @note
    .p2align 3
    .long   4, 16, 5                // sizes of name and description; NT_GNU_PROPERTY_TYPE_0
    .asciz  "GNU"
    .long   0xc0000002, 4, __CET__, 0   // GNU_PROPERTY_X86_FEATURE_1_AND, its size, value, padding
#endif
    .section .note.GNU-stack, "", @progbits
