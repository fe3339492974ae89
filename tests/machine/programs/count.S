/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Every shape of control flow that could make a block's count wrong: IT blocks taken and not, stores to flash inside and
 * outside of them, calls and conditional returns, table branches, wide instructions, a page boundary inside straight code,
 * and at last a fault in the middle of a block, inside an IT block.
 */
    .syntax unified
    .cpu cortex-m3
    .thumb

    .section .vectors, "a"
    .word 0x20005000
    .word start

    .text
    .global start
    .thumb_func
start:
    ldr r0, =0x40022004
    ldr r1, =0x45670123
    str r1, [r0]
    ldr r1, =0xCDEF89AB
    str r1, [r0]
    ldr r0, =0x40022010
    movs r1, #1
    str r1, [r0]
    ldr r4, =0x0800A000     /* where half-words are programmed */
    movs r5, #0             /* rounds */
round:
    ands r6, r5, #3
    ite eq
    addeq r7, r7, #1
    addne.w r7, r7, #2
    it eq
    strheq r5, [r4]         /* programs every fourth round, in an IT block of one */
    itete eq
    addeq r4, r4, #2
    subne r7, r7, #1
    strheq r5, [r4]         /* and in the middle of an IT block of four */
    movne r8, r7
    cmp r5, #3              /* a conditional branch right after: it misexecutes where IT state is stale */
    bne 1f
    adds r7, #1
1:  cmp r6, #0
    it eq
    addeq r4, r4, #2
    bl leaf
    cbz r6, 2f
    add.w r8, r8, r6
2:  tbb [pc, r6]
table:
    .byte (case0 - table) / 2
    .byte (case1 - table) / 2
    .byte (case2 - table) / 2
    .byte (case3 - table) / 2
case0:
    adds r7, #1
case1:
    adds r7, #1
case2:
    adds r7, #1
case3:
    bl across_pages
    adds r5, #1
    cmp r5, #200
    blo round
    ldr r0, =0x30000000
    movs r1, #1
    cmp r1, #1
    itt eq
    addeq r1, r1, #1
    ldreq r2, [r0]          /* nothing is there */
    adds r1, #1
    b .

    .thumb_func
leaf:
    tst r5, #1
    it ne
    bxne lr
    push {r4, lr}
    lsrs r2, r5, #1
    it cs
    popcs {r4, pc}
    pop {r4, pc}
    .ltorg

    .balign 1024
    .space 1024 - 10
    .thumb_func
across_pages:               /* a wide instruction lies across the page boundary */
    adds r2, r5, #1
    adds r2, r2, #1
    adds r2, r2, #1
    adds r2, r2, #1
    add.w r2, r2, #1
    adds r2, r2, #1
    bx lr
