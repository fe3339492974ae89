/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* WDT (PS 6.36): counts the 32.768 kHz clock, which it starts by itself; every enabled reload request feeds it together. */
#ifndef NRF_WATCHDOG_H
#define NRF_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

#define NRF_WATCHDOG_RETAINED_WORDS 9u

/*
 * Registers after a reset. `retained` NULL: stopped. Otherwise as `nrf_watchdog_retain` gave them: a running watchdog runs on
 * over a soft reset.
 */
void nrf_watchdog_reset(struct machine *m, const uint32_t *retained);
void nrf_watchdog_retain(const struct machine *m, uint32_t *retained);

/* TASKS_START was written with 1. */
void nrf_watchdog_start(struct machine *m);

/* Write a register; returns true if it only fed the watchdog. */
bool nrf_watchdog_write(struct machine *m, uint32_t offset, uint32_t value);

#endif
