/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The flash driver of the Speck package manager's description (`impl Flash for Stm32f103Flash`), register access for
 * register access, in C: PER and PG are set and never cleared, and BSY is all that is waited for.
 * Inputs: word 0 what, words 16..19 the data.
 */
#include "figure.h"
#include "hal.h"

enum { ERASE_THEN_WRITE = 0, WRITE_THEN_ERASE = 1, ERASE_METADATA_PAGE = 2, WRITE = 3 };
enum { AT_DATA = 16, DATA_BYTES = 16 };
enum { BASE_ADDRESS = 0x0800E000, PAGE_SIZE = 1024, METADATA_PAGE = 63 };

struct fpec {
    volatile uint32_t ACR, KEYR, OPTKEYR, SR, CR, AR;
};

static struct fpec *const FLASH = (struct fpec *)0x40022000u;

static void unlock(void)
{
    FLASH->KEYR = 0x45670123u;
    FLASH->KEYR = 0xCDEF89ABu;
}

static void erase_page(uint32_t address)
{
    unlock();
    FLASH->AR = address;
    FLASH->CR |= 1u << 1; /* per().set_bit() */
    FLASH->CR |= 1u << 6; /* strt().set_bit() */
    while ((FLASH->SR & 1u) != 0) {
    }
    FLASH->CR |= 1u << 7; /* lock().set_bit() */
}

static void write(uint32_t address, const uint8_t *data, uint32_t size_bytes)
{
    volatile uint16_t *cells = (volatile uint16_t *)address;

    unlock();
    FLASH->CR |= 1u << 0; /* pg().set_bit() */
    for (uint32_t i = 0; i < size_bytes / 2u; i++) {
        cells[i] = (uint16_t)(data[2 * i] | (uint32_t)data[2 * i + 1] << 8);
        while ((FLASH->SR & 1u) != 0) {
        }
    }
    FLASH->CR |= 1u << 7;
}

int main(void)
{
    const uint8_t *data = figure_input_bytes(AT_DATA);

    hal_start();
    switch (figure_input(0)) {
    case ERASE_THEN_WRITE:
        erase_page(REGION_SCRATCH_ADDRESS);
        write(REGION_SCRATCH_ADDRESS, data, DATA_BYTES);
        break;
    case WRITE_THEN_ERASE:
        write(REGION_SCRATCH_ADDRESS, data, DATA_BYTES);
        erase_page(REGION_SCRATCH_ADDRESS);
        break;
    case ERASE_METADATA_PAGE:
        erase_page(BASE_ADDRESS + METADATA_PAGE * PAGE_SIZE);
        break;
    default:
        write(REGION_SCRATCH_ADDRESS, data, DATA_BYTES);
        break;
    }
    hal_sleep();
}
