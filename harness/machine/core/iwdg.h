/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Independent watchdog (RM0008 section 19): runs from the 40 kHz oscillator and, once started, until reset. */
#ifndef IWDG_H
#define IWDG_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

#define IWDG_BLOCK_BYTES 0x400u

struct iwdg {
    bool running;
    bool writable;
    uint32_t prescaler;
    uint32_t reload;
    uint64_t fed_fs;            /* when it was started or fed last */
    uint64_t closest_fs;        /* the feeding that came closest to the end: how long after the one before, */
    uint64_t closest_period_fs; /* and the period then */
    uint64_t deadline_fs;
};

/* Registers after a reset; starts at once where the option bytes say so. */
void iwdg_reset(struct machine *m);

/* A running watchdog, this one or the nRF's, is about to be fed: keep the feeding that came closest to its end. */
void iwdg_note_feeding(struct machine *m);

/* Read the register at `offset`, a multiple of 4. */
uint32_t iwdg_read(const struct machine *m, uint32_t offset);

/* Write the register at `offset`, a multiple of 4. Returns true if it only fed the watchdog. */
bool iwdg_write(struct machine *m, uint32_t offset, uint32_t value);

#endif
