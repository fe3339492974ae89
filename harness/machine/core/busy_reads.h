/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Loads from the flash while its controller works: they wait for the end of the operation (PM0075 2.3.3).
 *
 *  1. Only code outside of the flash can load from it then: code in flash does not run meanwhile.
 *  2. Seeing loads slows all of them down. So the hook is there from the moment that a boot first runs code in RAM, and gone at the
 *     next reset: firmware that never does pays nothing.
 */
#ifndef BUSY_READS_H
#define BUSY_READS_H

#include <stdbool.h>
#include <stdint.h>
#include <unicorn/unicorn.h>

struct machine;

#define BUSY_READS_RANGES 3u /* the flash, its alias, the block with the option bytes */

struct busy_reads {
    uint32_t count; /* of hooks that are installed */
    uc_hook hooks[BUSY_READS_RANGES];
};

/* The core is stopped, about to run code in RAM for the first time in this boot. False where Unicorn failed. */
bool busy_reads_watch(struct machine *m);

/* The core is stopped, before a boot. */
void busy_reads_reset(struct machine *m);

#endif
