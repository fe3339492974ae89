/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * How long a function takes, from its first instruction until it returns.
 *
 *  1. A call begins at the block of the function's address, and ends at the block that its LR named, with the same SP.
 *  2. Those two blocks are never cached (`code.c`), so that they are seen each time; all others run as fast as ever.
 *  3. A call inside the same call is part of it.
 */
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

#define WATCH_NOTHING UINT32_MAX /* no code is at an odd address */

/* All finished calls of one boot. Mirrors `WatchTotal` in native.py. */
struct watch_total {
    uint64_t calls;
    uint64_t time_ps;
    uint64_t time_low_ps;
    uint64_t time_high_ps;
};

struct watch {
    struct watch_total total;
    uint64_t begin_fs;
    uint64_t begin_low_fs;
    uint64_t begin_high_fs;
    uint32_t return_pc; /* WATCH_NOTHING: no call under way */
    uint32_t stack;
};

/* Forget every call. */
void watch_reset(struct machine *m);

/* Whether the block at `pc` must be seen each time. */
bool watch_wants(const struct machine *m, uint32_t pc);

/* A block that `watch_wants` begins. */
void watch_see(struct machine *m, uint32_t pc);

#endif
