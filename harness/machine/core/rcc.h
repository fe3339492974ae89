/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reset and clock control (RM0008 section 7): oscillators are ready at once, SYSCLK follows SW. */
#ifndef RCC_H
#define RCC_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

#define RCC_BLOCK_BYTES 0x400u
#define RCC_WORDS 16u

struct rcc {
    uint32_t registers[RCC_WORDS];
    uint32_t pclk2_hz;
};

/* Registers that outlive a reset, as `rcc_retain` gives them. */
#define RCC_RETAINED_WORDS 2u

/* Registers after a reset; `retained` NULL: after a power-on. */
void rcc_reset(struct machine *m, const uint32_t *retained);

/* What the registers that outlive a reset hold after one: by the watchdog, or by software. */
void rcc_retain(const struct machine *m, bool by_watchdog, uint32_t *retained);

/* Read the register at `offset`, a multiple of 4. */
uint32_t rcc_read(struct machine *m, uint32_t offset);

/* Write the register at `offset`, a multiple of 4. */
void rcc_write(struct machine *m, uint32_t offset, uint32_t value);

/* Whether the internal oscillator runs, which the flash controller works with. */
bool rcc_internal_oscillator_runs(const struct machine *m);

/* Whether the clocks of PWR and BKP are enabled. */
bool rcc_power_enabled(const struct machine *m);
bool rcc_backup_enabled(const struct machine *m);

/* Whether the clock of USART1 is enabled: without it the peripheral reads as 0 and ignores writes. */
bool rcc_usart1_enabled(const struct machine *m);

#endif
