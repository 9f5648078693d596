// SPDX-License-Identifier: BSL-1.0
// unsigned long weft_test_callee_saved(unsigned long pattern, void (*call)(void*), void* argument)
// Fills every register that a function must keep with values made from the pattern, calls, and returns the bitwise or
// of all differences: 0 if all were kept.

    .text
    .globl  weft_test_callee_saved
    .type   weft_test_callee_saved, @function
weft_test_callee_saved:
    .cfi_startproc
    endbr64
    .irp    reg, rbp, rbx, r12, r13, r14, r15
    pushq   %\reg
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset \reg, 0
    .endr
    subq    $24, %rsp
    .cfi_adjust_cfa_offset 24
    movq    %rdi, (%rsp)
    leaq    1(%rdi), %rbx
    leaq    2(%rdi), %rbp
    leaq    3(%rdi), %r12
    leaq    4(%rdi), %r13
    leaq    5(%rdi), %r14
    leaq    6(%rdi), %r15
    movq    %rdx, %rdi
    callq   *%rsi
    movq    (%rsp), %rdi
    xorl    %eax, %eax
    .set    distance, 1
    .irp    reg, rbx, rbp, r12, r13, r14, r15
    leaq    distance(%rdi), %rcx
    xorq    %\reg, %rcx
    orq     %rcx, %rax
    .set    distance, distance + 1
    .endr
    addq    $24, %rsp
    .cfi_adjust_cfa_offset -24
    .irp    reg, r15, r14, r13, r12, rbx, rbp
    popq    %\reg
    .cfi_adjust_cfa_offset -8
    .cfi_restore \reg
    .endr
    ret
    .cfi_endproc
    .size   weft_test_callee_saved, . - weft_test_callee_saved
    .section .note.GNU-stack, "", @progbits
