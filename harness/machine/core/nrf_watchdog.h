/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* WDT (PS 6.36): counts the 32.768 kHz clock, which it starts by itself; every enabled reload request feeds it together. */
#ifndef NRF_WATCHDOG_H
#define NRF_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

/* Registers after a reset: stopped. */
void nrf_watchdog_reset(struct machine *m);

/* TASKS_START was written with 1. */
void nrf_watchdog_start(struct machine *m);

/* Write a register; returns true if it only fed the watchdog. */
bool nrf_watchdog_write(struct machine *m, uint32_t offset, uint32_t value);

#endif
