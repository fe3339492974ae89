/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * RTC and TIMER (PS 6.22, 6.30): counters that virtual time drives, compared with CC registers. A compare is an event of its own
 * only where the firmware would notice it by interrupt, PPI or a shortcut; else it is taken in when a register is read.
 */
#ifndef NRF_COUNTER_H
#define NRF_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

#define NRF_COUNTERS 8u
#define NRF_COMPARES_MAX 6u

struct nrf_counter {
    bool started;
    uint64_t base_fs;    /* when it had counted `base_ticks` */
    uint64_t base_ticks;
    uint64_t seen_ticks; /* compared up to here */
};

/* Whether `peripheral` is a counter; `index` receives which. */
bool nrf_counter_find(uint32_t peripheral, uint32_t *index);

/* Registers after a reset. */
void nrf_counter_reset(struct machine *m);

/* A task register was written with 1. */
void nrf_counter_task(struct machine *m, uint32_t index, uint32_t offset);

/* A register other than the shared ones is read or is about to be written. */
uint32_t nrf_counter_read(struct machine *m, uint32_t index, uint32_t offset);
void nrf_counter_write(struct machine *m, uint32_t index, uint32_t offset, uint32_t value);

/* The low-frequency clock starts or stops: the RTCs count from now on, or no more. */
void nrf_counter_hold(struct machine *m);
void nrf_counter_release(struct machine *m);

/* When the next event that matters happens; false for never. */
bool nrf_counter_next(const struct machine *m, uint64_t *fs);

/* Take in what happened up to now. */
void nrf_counter_run(struct machine *m);

#endif
