/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Registers of the flash controller of nRF51 and nRF52 (PS, NVMC; those for partial erases are the nRF52's), and the procedures of the manual, which every step rests on. */
#ifndef CONFORMANCE_NVMC_H
#define CONFORMANCE_NVMC_H

#include <stdint.h>

static volatile uint32_t *const NVMC_READY = (volatile uint32_t *)0x4001E400u;
static volatile uint32_t *const NVMC_CONFIG = (volatile uint32_t *)0x4001E504u;
static volatile uint32_t *const NVMC_ERASEPAGE = (volatile uint32_t *)0x4001E508u;
static volatile uint32_t *const NVMC_ERASEALL = (volatile uint32_t *)0x4001E50Cu;
static volatile uint32_t *const NVMC_ERASEUICR = (volatile uint32_t *)0x4001E514u;
static volatile uint32_t *const NVMC_ERASEPAGEPARTIAL = (volatile uint32_t *)0x4001E518u;
static volatile uint32_t *const NVMC_ERASEPAGEPARTIALCFG = (volatile uint32_t *)0x4001E51Cu;

static const uint32_t CONFIG_READ = 0;
static const uint32_t CONFIG_WRITE = 1;
static const uint32_t CONFIG_ERASE = 2;

/* Wait until READY. The barrier keeps the poll behind the store to flash: the two are memory of different types. */
void nvmc_wait(void);

/* Erase the page that starts at `address`; CONFIG is read-only afterwards. */
void nvmc_erase(uint32_t address);

/* Program a word; CONFIG is read-only afterwards. */
void nvmc_program(volatile uint32_t *cell, uint32_t value);

#endif
