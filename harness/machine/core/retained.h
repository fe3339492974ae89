/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What outlives a reset and not a loss of power. The chip decides: its registers travel as words that only it reads, RAM
 * travels as it is.
 *
 *  1. After an end that starts the chip again by itself, `boot_result.retained` holds what the next boot finds.
 *  2. A boot that is given it is that next boot; a boot that is given nothing is a power-on.
 */
#ifndef RETAINED_H
#define RETAINED_H

#include <stdint.h>

#define RETAINED_WORDS 24u

/* Mirrors `RetainedState` in native.py. */
struct retained {
    uint32_t restarts;  /* 0: nothing but a power-on starts the chip again; the rest means nothing then */
    uint32_t keeps_ram; /* 0: RAM is undefined after this reset */
    uint32_t words[RETAINED_WORDS];
};

#endif
