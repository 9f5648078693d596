// SPDX-License-Identifier: BSL-1.0
// The hooks of vfork(2) and clone(2) on aarch64. Each asks its function in src/hooks/children_within.cpp, which tells weft
// and knows the next definition, and jumps there with the arguments it was given. So nothing of it lies on the stack
// when the call returns; vfork's returns to the child first, which then uses that stack.

    .macro jumps_on name, before
    .globl  \name
    .hidden \before
    .type   \name, %function
    .p2align 4
\name:
    .cfi_startproc
    hint    #34                     // bti c
    stp     x29, x30, [sp, #-80]!
    .cfi_adjust_cfa_offset 80
    .cfi_rel_offset x30, 8
    stp     x0, x1, [sp, #16]
    stp     x2, x3, [sp, #32]
    stp     x4, x5, [sp, #48]
    str     x6, [sp, #64]
    bl      \before
    mov     x16, x0                 // x16: a jump by it may land where only calls may
    ldr     x6, [sp, #64]
    ldp     x4, x5, [sp, #48]
    ldp     x2, x3, [sp, #32]
    ldp     x0, x1, [sp, #16]
    ldp     x29, x30, [sp], #80
    .cfi_adjust_cfa_offset -80
    .cfi_restore x30
    br      x16
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

// Under -mbranch-protection the linker wants the mark (bit 0: BTI, bit 1: PAC) on every object.
#if defined(__ARM_FEATURE_BTI_DEFAULT) || defined(__ARM_FEATURE_PAC_DEFAULT)
    .section .note.gnu.property, "a", %note
    .p2align 3
    .long   4, 16, 5                // sizes of name and description; NT_GNU_PROPERTY_TYPE_0
    .asciz  "GNU"
    .long   0xc0000000, 4, 3, 0     // GNU_PROPERTY_AARCH64_FEATURE_1_AND, its size, value, padding
#endif
    .section .note.GNU-stack, "", %progbits
