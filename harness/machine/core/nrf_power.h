/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* POWER and CLOCK of an nRF51 or nRF52 (PS 5.3, 5.4): they share an address and an interrupt. */
#ifndef NRF_POWER_H
#define NRF_POWER_H

#include <stdbool.h>
#include <stdint.h>

struct machine;
struct retained;

#define NRF_POWER_RETAINED_WORDS 3u

/*
 * What the next boot finds, PS 5.3.7, reset behavior. A soft reset, and that of a lockup, keep RAM, GPREGRET and a running watchdog;
 * after a reset by the watchdog they are reset, and RAM may be corrupted, which noise stands for. RESETREAS is cumulative: only power-on
 * clears it. Returns whether all but the registers of this peripheral are kept too.
 */
bool nrf_power_retain(const struct machine *m, struct retained *retained);

/* Registers after a reset; `words` are those that were retained, NULL after power-on. */
void nrf_power_reset(struct machine *m, const uint32_t *words);

/* A task register was written with 1. */
void nrf_power_task(struct machine *m, uint32_t offset);

/* A register other than the shared ones is written. */
void nrf_power_write(struct machine *m, uint32_t offset, uint32_t value);

/* When a clock will have started; false for none under way. */
bool nrf_power_next(const struct machine *m, uint64_t *fs);

/* Take in what happened up to now. */
void nrf_power_run(struct machine *m);

#endif
