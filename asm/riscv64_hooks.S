// SPDX-License-Identifier: BSL-1.0
// The hooks of vfork(2) and clone(2) on riscv64. Each asks its function in src/hooks/children_within.cpp, which tells weft
// and knows the next definition, and jumps there with the arguments it was given. So nothing of it lies on the stack
// when the call returns; vfork's returns to the child first, which then uses that stack.

    .macro jumps_on name, before
    .globl  \name
    .hidden \before
    .type   \name, @function
    .p2align 2
\name:
    .cfi_startproc
    addi    sp, sp, -64
    .cfi_adjust_cfa_offset 64
    sd      ra, 56(sp)
    .cfi_rel_offset ra, 56
    sd      a0, 0(sp)
    sd      a1, 8(sp)
    sd      a2, 16(sp)
    sd      a3, 24(sp)
    sd      a4, 32(sp)
    sd      a5, 40(sp)
    sd      a6, 48(sp)
    call    \before
    mv      t2, a0
    ld      a0, 0(sp)
    ld      a1, 8(sp)
    ld      a2, 16(sp)
    ld      a3, 24(sp)
    ld      a4, 32(sp)
    ld      a5, 40(sp)
    ld      a6, 48(sp)
    ld      ra, 56(sp)
    .cfi_restore ra
    addi    sp, sp, 64
    .cfi_adjust_cfa_offset -64
    jr      t2
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

    .section .note.GNU-stack, "", @progbits
