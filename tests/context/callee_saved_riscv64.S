// SPDX-License-Identifier: BSL-1.0
// unsigned long weft_test_callee_saved(unsigned long pattern, void (*call)(void*), void* argument)
// Fills every register that a function must keep with values made from the pattern, calls, and returns the bitwise or
// of all differences: 0 if all were kept.

    .text
    .globl  weft_test_callee_saved
    .type   weft_test_callee_saved, @function
weft_test_callee_saved:
    .cfi_startproc
    addi    sp, sp, -224
    .cfi_def_cfa_offset 224
    sd      ra, 216(sp)
    .cfi_offset ra, -8
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    sd      s\n, 8 * \n(sp)
    fsd     fs\n, 96 + 8 * \n(sp)
    .endr
    sd      a0, 192(sp)
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    addi    s\n, a0, \n + 1
    addi    t0, a0, \n + 100
    fmv.d.x fs\n, t0
    .endr
    mv      t1, a1
    mv      a0, a2
    jalr    t1
    ld      a1, 192(sp)
    li      a0, 0
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    addi    t0, a1, \n + 1
    xor     t0, t0, s\n
    or      a0, a0, t0
    addi    t0, a1, \n + 100
    fmv.x.d t1, fs\n
    xor     t0, t0, t1
    or      a0, a0, t0
    .endr
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    ld      s\n, 8 * \n(sp)
    fld     fs\n, 96 + 8 * \n(sp)
    .endr
    ld      ra, 216(sp)
    addi    sp, sp, 224
    ret
    .cfi_endproc
    .size   weft_test_callee_saved, . - weft_test_callee_saved
    .section .note.GNU-stack, "", @progbits
