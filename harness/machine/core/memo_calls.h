/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which calls are worth sharing: long ones that nothing disturbed, found by following BL and BLX. */
#ifndef MEMO_CALLS_H
#define MEMO_CALLS_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

#define MEMO_CALLS_MAX 64u

struct memo_call {
    uint32_t pc;
    uint32_t return_pc;
    uint32_t stack;
    uint64_t instructions;
    uint64_t disturbances;
};

/* The calls under way, and the block before the one that begins. */
struct memo_calls {
    struct memo_call calls[MEMO_CALLS_MAX];
    uint32_t depth;
    uint32_t previous_end;
    uint32_t previous_bytes;
};

/* A block begins. */
void memo_calls_follow(struct machine *m, struct memo_calls *calls, uint32_t pc, uint32_t size_bytes);

/* What calls that run a block are told by (`code_sharing`); refused unless it is in flash, and depends on and changes nothing but what a record holds. */
uint32_t memo_calls_sharing(const struct machine *m, uint32_t pc, uint32_t size_bytes);

#endif
