/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Registers of the STM32F103 (PM0075 3, RM0008), and the flash procedures of the manual, which every step rests on. */
#ifndef CONFORMANCE_FPEC_H
#define CONFORMANCE_FPEC_H

#include <stdbool.h>
#include <stdint.h>

struct fpec {
    volatile uint32_t ACR, KEYR, OPTKEYR, SR, CR, AR, RESERVED, OBR, WRPR;
};

static struct fpec *const FLASH = (struct fpec *)0x40022000u;

static const uint32_t KEY1 = 0x45670123u;
static const uint32_t KEY2 = 0xCDEF89ABu;
static const uint32_t SR_BSY = 1u << 0;
static const uint32_t SR_PGERR = 1u << 2;
static const uint32_t SR_WRPRTERR = 1u << 4;
static const uint32_t SR_EOP = 1u << 5;
static const uint32_t SR_FLAGS = 1u << 2 | 1u << 4 | 1u << 5;
static const uint32_t CR_PG = 1u << 0;
static const uint32_t CR_PER = 1u << 1;
static const uint32_t CR_OPTPG = 1u << 4;
static const uint32_t CR_OPTER = 1u << 5;
static const uint32_t CR_STRT = 1u << 6;
static const uint32_t CR_LOCK = 1u << 7;
static const uint32_t CR_OPTWRE = 1u << 9;
static const uint32_t OBR_RDPRT = 1u << 1;

#define OPTION_HALF_WORDS 8u
#define OPTION_RDP 0u /* positions of option bytes; WRP0 to WRP3 follow each other */
#define OPTION_WRP0 4u
#define RDP_UNPROTECTED 0xA5u

static volatile uint16_t *const OPTIONS = (volatile uint16_t *)0x1FFFF800u;

/* Write both keys. */
void fpec_unlock(void);

/* Lock, with no operation selected. */
void fpec_lock(void);

/* Wait until BSY is clear; the read before the first poll lets it be set. */
void fpec_wait(void);

/* Clear every flag. */
void fpec_clear(void);

/* Erase the page that holds `address`; leaves CR unlocked and empty, and the flags as they came. */
void fpec_erase(uint32_t address);

/* Program one half-word; leaves CR unlocked and empty, and the flags as they came. */
void fpec_program(volatile uint16_t *cell, uint16_t value);

/* Unlock the option bytes. */
void fpec_unlock_options(void);

/* Erase the option bytes. */
void fpec_erase_options(void);

/* Program one option byte; the controller adds its complement. */
void fpec_program_option(uint32_t position, uint16_t value);

/* Option bytes as they were delivered, but for the write protection of the scratch pages. */
void fpec_restore_options(bool protect_scratch);

#endif
