/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where code runs: the block hook, the exact instruction count, the range of cycles, and which flash pages hold translated code. */
#ifndef CODE_H
#define CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "cycles.h"

struct machine;

/* What calls that run a block are told by, see memo_calls.h: bits, 0 where nobody looked yet. */
enum code_sharing {
    CODE_SHARING_KNOWN = 1,
    CODE_SHARING_REFUSED = 2, /* they may not be shared */
    CODE_SHARING_USES_R12 = 4,
};

/* Instructions and cycles of the translated block that starts at a half-word; `bytes` 0 means unknown. */
struct code_count {
    uint16_t bytes;
    uint16_t instructions;
    uint16_t low;
    uint16_t high;
    uint16_t waits;
    uint16_t sharing; /* of enum code_sharing */
};

struct code {
    struct code_count *counts; /* one a flash half-word */
    bool *page_executed;       /* one a flash page: may hold translated code and cached counts */
    /* Where the last `code_retired_at` was: whoever asks for the instructions asks for their cycles next. */
    uint64_t inside_instructions;
    struct cycle_count inside_cycles;
};

/* Install the block hook. */
int32_t code_install(struct machine *m);

/* Bytes at `address` that code can run from, NULL if there are none; `limit` receives how many follow. */
const uint8_t *code_bytes(const struct machine *m, uint32_t address, uint32_t *limit);

/* Retired instructions at the moment when the one at `pc`, inside the current block, is about to retire. */
uint64_t code_retired_at(struct machine *m, uint32_t pc);

/* Cycles up to the moment at which `instructions` have retired: now, or further on in the current block. */
struct cycle_count code_cycles_at(const struct machine *m, uint64_t instructions);

/* The current block ran to its end: count it now. */
void code_retire_block(struct machine *m);

/* The current block does not run: count nothing of it. */
void code_drop_block(struct machine *m);

/* The core runs the branch to itself at `pc` another `rounds` times. */
void code_spin(struct machine *m, uint32_t pc, uint64_t rounds);

/* Twice the cycles that virtual time takes for one instruction at `pc`. */
uint32_t code_half_cycles(const struct machine *m, uint32_t pc);

/* What is cached of the block at `pc` must be found out again: something wants to see it. */
void code_forget_count(struct machine *m, uint32_t pc);

/* The host changed the flash page at `page`: drop what was translated from it. */
void code_forget_page(struct machine *m, uint32_t page);

/* Note that the translator may have seen the code around `pc` without running it. */
void code_mark(struct machine *m, uint32_t pc, uint32_t size_bytes);

/* Size of the Thumb instruction that begins with `halfword`: 2 or 4 (ARMv7-M A5.1). */
static inline uint32_t code_instruction_bytes(uint16_t halfword)
{
    return (halfword >> 11) >= 0x1D ? 4u : 2u;
}

#endif
