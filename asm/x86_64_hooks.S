// SPDX-License-Identifier: BSL-1.0
// The hooks of vfork(2) and clone(2) on x86-64. Each asks its function in src/hooks/children_within.cpp, which tells weft
// and knows the next definition, and jumps there with the arguments it was given. So nothing of it lies on the stack
// when the call returns; vfork's returns to the child first, which then uses that stack.

    .macro jumps_on name, before
    .globl  \name
    .hidden \before
    .type   \name, @function
    .p2align 4
\name:
    .cfi_startproc
    endbr64
    subq    $56, %rsp               // a call wants it aligned to 16
    .cfi_adjust_cfa_offset 56
    movq    %rdi, 0(%rsp)
    movq    %rsi, 8(%rsp)
    movq    %rdx, 16(%rsp)
    movq    %rcx, 24(%rsp)
    movq    %r8, 32(%rsp)
    movq    %r9, 40(%rsp)
    callq   \before
    movq    %rax, %r11
    xorl    %eax, %eax              // no vector registers hold arguments: clone(2) may have any number
    movq    0(%rsp), %rdi
    movq    8(%rsp), %rsi
    movq    16(%rsp), %rdx
    movq    24(%rsp), %rcx
    movq    32(%rsp), %r8
    movq    40(%rsp), %r9
    addq    $56, %rsp
    .cfi_adjust_cfa_offset -56
    jmpq    *%r11
    .cfi_endproc
    .size   \name, . - \name
    .endm

// By which the linker is made to take this out of an archive, where a library before it defines those names, too.
    .globl  weft_hooks_in_assembly
    .hidden weft_hooks_in_assembly

    .text
weft_hooks_in_assembly:
    jumps_on vfork, weft_before_vfork
    jumps_on clone, weft_before_clone

// Under -fcf-protection the compiler defines __CET__ (bit 0: IBT, bit 1: shadow stacks) and the linker wants the mark.
#if defined(__CET__)
    .section .note.gnu.property, "a", @note
    .p2align 3
    .long   4, 16, 5                // sizes of name and description; NT_GNU_PROPERTY_TYPE_0
    .asciz  "GNU"
    .long   0xc0000002, 4, __CET__, 0   // GNU_PROPERTY_X86_FEATURE_1_AND, its size, value, padding
#endif
    .section .note.GNU-stack, "", @progbits
