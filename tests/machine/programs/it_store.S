/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Copies 64 half-words from 0x08004000 to 0x0800A000 with a conditional store, then counts right and wrong ones in RAM. */
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
    ldr r2, =0x08004000
    ldr r3, =0x0800A000
    movs r4, #64
    movs r6, #0
    movs r7, #0
copy:
    ldrh r5, [r2], #2
    tst r5, #1
    itte eq
    strheq r5, [r3]         /* even values are programmed */
    addeq r6, r6, #1
    addne r7, r7, #1        /* odd ones are counted */
    cmp r5, #8              /* later conditional code, which stale IT state would corrupt */
    bcs 1f
    adds r7, #16
1:  adds r3, #2
    subs r4, #1
    bne copy
    ldr r3, =0x0800A400     /* r6 and r7 are the result */
    strh r6, [r3]
    strh r7, [r3, #2]
2:  wfi
    b 2b
