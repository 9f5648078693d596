// SPDX-License-Identifier: BSL-1.0
// unsigned long weft_test_callee_saved(unsigned long pattern, void (*call)(void*), void* argument)
// Fills every register that a function must keep with values made from the pattern, calls, and returns the bitwise or
// of all differences: 0 if all were kept. x29 is kept but not filled: it is the frame pointer for those who look on.

    .text
    .globl  weft_test_callee_saved
    .type   weft_test_callee_saved, %function
weft_test_callee_saved:
    .cfi_startproc
    hint    #34                     // bti c
    stp     x29, x30, [sp, #-176]!
    .cfi_def_cfa_offset 176
    .cfi_offset x29, -176
    .cfi_offset x30, -168
    mov     x29, sp
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    stp     d8, d9, [sp, #96]
    stp     d10, d11, [sp, #112]
    stp     d12, d13, [sp, #128]
    stp     d14, d15, [sp, #144]
    str     x0, [sp, #160]
    .irp    n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28
    add     x\n, x0, #\n
    .endr
    .irp    n, 8, 9, 10, 11, 12, 13, 14, 15
    add     x3, x0, #(100 + \n)
    fmov    d\n, x3
    .endr
    mov     x0, x2
    blr     x1
    ldr     x1, [sp, #160]
    mov     x0, xzr
    .irp    n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28
    add     x3, x1, #\n
    eor     x3, x3, x\n
    orr     x0, x0, x3
    .endr
    .irp    n, 8, 9, 10, 11, 12, 13, 14, 15
    add     x3, x1, #(100 + \n)
    fmov    x4, d\n
    eor     x3, x3, x4
    orr     x0, x0, x3
    .endr
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     d8, d9, [sp, #96]
    ldp     d10, d11, [sp, #112]
    ldp     d12, d13, [sp, #128]
    ldp     d14, d15, [sp, #144]
    ldp     x29, x30, [sp], #176
    ret
    .cfi_endproc
    .size   weft_test_callee_saved, . - weft_test_callee_saved
    .section .note.GNU-stack, "", %progbits
