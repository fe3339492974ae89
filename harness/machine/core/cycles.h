/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What one instruction costs, as a range of core cycles: "Cortex-M3 instruction set summary" (ARM DDI 0337, table 3-1) and
 * "Cortex-M4 instructions" (ARM DDI 0439, table 3-1), both for memory without wait states; the Cortex-M0 is in cycles_m0.c.
 *
 *  1. A cost is a function of the instruction alone, so the cost of a block is the sum of its instructions, wherever it is split.
 *  2. The low end takes every overlap that the manual allows, the high end none.
 *  3. Wait states of the flash are counted apart, as accesses that may have to wait: they widen the high end only.
 */
#ifndef CYCLES_H
#define CYCLES_H

#include <stdbool.h>
#include <stdint.h>

/* Core cycles, and flash accesses that may have to wait. Of an instruction, a block, or a whole boot. */
struct cycle_count {
    uint64_t low;
    uint64_t high;
    uint64_t waits;
};

/* Mirrors `_CORES` in embedded.py. */
enum cycle_core {
    CORTEX_M3 = 0,
    CORTEX_M4 = 1,
    CORTEX_M0 = 2,
};

/* One instruction, as far as its cost depends on it. */
struct cycle_instruction {
    uint16_t first;
    uint16_t second;  /* 0 for an instruction of 16 bits */
    bool conditional; /* inside an IT block */
    enum cycle_core core;
};

/* Cost of one instruction; `waits` are the data accesses that may reach the flash, and the refetch after a branch. */
struct cycle_count cycles_of(const struct cycle_instruction *instruction);

/* The same for a Cortex-M0. */
struct cycle_count cycles_of_cortex_m0(uint16_t first);

/* How many of the following instructions an IT instruction makes conditional; 0 for any other instruction. */
uint32_t cycles_conditional_after(uint16_t first);

#endif
