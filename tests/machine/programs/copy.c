/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Copies 24 KiB of flash, half-word by half-word and page by page, as a bootloader does. */
#include "start.h"

VECTORS(unexpected, unexpected, unexpected)

#define SOURCE 0x08000000u
#define TARGET 0x08008000u
#define COPY_BYTES 0x6000u
#define PAGE_BYTES 1024u

static void wait(void)
{
    while ((FLASH_SR & 1u) != 0) {
    }
}

static void erase(uint32_t address)
{
    FLASH_CR = 2;
    FLASH_AR = address;
    FLASH_CR = 2 | 0x40;
    wait();
    FLASH_CR = 0;
}

static void program(uint32_t address, uint16_t value)
{
    FLASH_CR = 1;
    *(volatile uint16_t *)address = value;
    wait();
    FLASH_CR = 0;
}

void run(void)
{
    FLASH_KEYR = 0x45670123;
    FLASH_KEYR = 0xCDEF89AB;
    for (uint32_t offset = 0; offset < COPY_BYTES; offset += 2) {
        if (offset % PAGE_BYTES == 0) {
            erase(TARGET + offset);
        }
        program(TARGET + offset, *(volatile uint16_t *)(SOURCE + offset));
    }
}
