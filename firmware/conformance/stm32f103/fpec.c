/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fpec.h"

#define PAGES_PER_PROTECTION_BIT 4u

void fpec_unlock(void)
{
    if ((FLASH->CR & CR_LOCK) != 0) {
        FLASH->KEYR = KEY1;
        FLASH->KEYR = KEY2;
    }
}

void fpec_lock(void)
{
    FLASH->CR = CR_LOCK;
}

void fpec_wait(void)
{
    (void)FLASH->SR;
    while ((FLASH->SR & SR_BSY) != 0) {
    }
}

void fpec_clear(void)
{
    FLASH->SR = SR_FLAGS;
}

void fpec_erase(uint32_t address)
{
    fpec_unlock();
    fpec_clear();
    FLASH->CR = CR_PER;
    FLASH->AR = address;
    FLASH->CR = CR_PER | CR_STRT;
    fpec_wait();
    FLASH->CR = 0;
}

void fpec_program(volatile uint16_t *cell, uint16_t value)
{
    fpec_unlock();
    fpec_clear();
    FLASH->CR = CR_PG;
    *cell = value;
    fpec_wait();
    FLASH->CR = 0;
}

void fpec_unlock_options(void)
{
    fpec_unlock();
    if ((FLASH->CR & CR_OPTWRE) == 0) {
        FLASH->OPTKEYR = KEY1;
        FLASH->OPTKEYR = KEY2;
    }
}

void fpec_erase_options(void)
{
    fpec_unlock_options();
    fpec_clear();
    FLASH->CR |= CR_OPTER;
    FLASH->CR |= CR_STRT;
    fpec_wait();
    FLASH->CR &= ~CR_OPTER;
}

void fpec_program_option(uint32_t position, uint16_t value)
{
    fpec_unlock_options();
    fpec_clear();
    FLASH->CR |= CR_OPTPG;
    OPTIONS[position] = value;
    fpec_wait();
    FLASH->CR &= ~CR_OPTPG;
}

void fpec_restore_options(bool protect_scratch)
{
    const uint32_t group = (REGION_SCRATCH_ADDRESS - REGION_PROGRAM_ADDRESS) / PAGE_BYTES / PAGES_PER_PROTECTION_BIT;

    fpec_erase_options();
    fpec_program_option(OPTION_RDP, RDP_UNPROTECTED);
    for (uint32_t position = OPTION_RDP + 1; position < OPTION_HALF_WORDS; position++) {
        const bool protects = protect_scratch && position == OPTION_WRP0 + group / 8u;

        fpec_program_option(position, (uint16_t)(protects ? 0xFFu & ~(1u << group % 8u) : 0xFFu));
    }
    fpec_lock();
}
