/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The rules of platforms/nrf52840/rules.toml, in that order; docs/SPEC.md shows them as a table.
 *
 * 1. Only the pages of `marks` and `scratch` change, and UICR, which is put back.
 * 2. The last steps close the access port and erase everything to open it again: at the end flash and UICR are erased, this
 *    program with them. Do not reset the chip by hand while it runs: a reset counts as a fault.
 */
#include <stddef.h>

#include "nvmc.h"
#include "nvmc_steps.h"
#include "steps.h"

#define UICR_WORDS 194u /* up to and with REGOUT0 */
#define UICR_CUSTOMER 32u
#define UICR_APPROTECT 130u

static volatile uint32_t *const DEMCR = (volatile uint32_t *)0xE000EDFCu;
static volatile uint32_t *const DWT_CTRL = (volatile uint32_t *)0xE0001000u;
static volatile uint32_t *const DWT_CYCCNT = (volatile uint32_t *)0xE0001004u;

static const uint32_t DEMCR_TRCENA = 1u << 24;
static const uint32_t SHORT_ERASE_CYCLES = 2560000u; /* 40 ms at 64 MHz: half of what the manual gives */
static const uint32_t PART_MS = 10;
static const uint32_t PARTS = 9; /* 90 ms, more than a whole erase takes */

static uint32_t kept[UICR_WORDS];

static const char *see_halt(void)
{
    uint32_t cycles;
    uint32_t ready;

    *DEMCR |= DEMCR_TRCENA;
    *DWT_CTRL |= 1u;
    *NVMC_CONFIG = CONFIG_ERASE;
    cycles = *DWT_CYCCNT;
    *NVMC_ERASEPAGE = REGION_SCRATCH_ADDRESS;
    /* More than the core has fetched ahead. */
    __asm__ volatile("nop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop");
    ready = *NVMC_READY;
    cycles = *DWT_CYCCNT - cycles;
    nvmc_wait();
    *NVMC_CONFIG = CONFIG_READ;
    return (ready & 1u) != 0 && cycles >= SHORT_ERASE_CYCLES ? "halted" : "running";
}

static void erase_part(void)
{
    *NVMC_CONFIG = CONFIG_ERASE;
    *NVMC_ERASEPAGEPARTIALCFG = PART_MS;
    *NVMC_ERASEPAGEPARTIAL = REGION_SCRATCH_ADDRESS;
    nvmc_wait();
    *NVMC_CONFIG = CONFIG_READ;
}

static uint32_t cells_left(void)
{
    uint32_t left = 0;

    for (uint32_t word = 0; word < PAGE_BYTES / 4u; word++) {
        left += CELL[word] != ERASED;
    }
    return left;
}

static const char *see_partial_erase(void)
{
    uint32_t left;

    begin();
    for (uint32_t word = 0; word < 64; word++) {
        nvmc_program(&CELL[word], 0);
    }
    erase_part();
    left = cells_left();
    for (uint32_t part = 1; part < PARTS; part++) {
        erase_part();
    }
    if (left == 0) {
        return "at-once";
    }
    return cells_left() == 0 ? "adds-up" : "never";
}

static const char *see_uicr_program(void)
{
    const uint32_t before = UICR[UICR_CUSTOMER];

    nvmc_program(&UICR[UICR_CUSTOMER], 0xFFFFFF5Au);
    return UICR[UICR_CUSTOMER] == (before & 0xFFFFFF5Au) ? "programmed" : "other";
}

static const char *see_uicr_erase(void)
{
    bool erased = true;

    for (uint32_t word = 0; word < UICR_WORDS; word++) {
        kept[word] = UICR[word];
    }
    kept[UICR_CUSTOMER] = ERASED;
    *NVMC_CONFIG = CONFIG_ERASE;
    *NVMC_ERASEUICR = 1;
    nvmc_wait();
    *NVMC_CONFIG = CONFIG_READ;
    for (uint32_t word = 0; word < UICR_WORDS; word++) {
        erased = erased && UICR[word] == ERASED;
        if (kept[word] != ERASED) {
            nvmc_program(&UICR[word], kept[word]);
        }
    }
    return erased ? "all" : "some";
}

static const char *arrange_closed_port(void)
{
    nvmc_program(&UICR[UICR_APPROTECT], 0xFFFFFF00u);
    return NULL;
}

static const char *see_uicr_erase_closed(void)
{
    *NVMC_CONFIG = CONFIG_ERASE;
    *NVMC_ERASEUICR = 1;
    nvmc_wait();
    *NVMC_CONFIG = CONFIG_READ;
    return (UICR[UICR_APPROTECT] & 0xFFu) == 0 ? "blocked" : "erased";
}

/* Volatile: the compiler must not find out that they are constant, and put them in flash. */
static volatile char erased_line[] = "N20 expected=both seen=both ok\n";
static volatile char kept_line[] = "N20 expected=both seen=less DIFFERS\n";

static const char *see_erase_all(void)
{
    erase_everything(erased_line, kept_line, UICR_APPROTECT);
}

static const struct step STEPS[] = {
    {"N01", "read-only", see_reset, NULL, false},
    {"N02", "0x12345678", see_program, NULL, false},
    {"N03", "0x00FF1234", see_second_write, NULL, false},
    {"N04", "unchanged", see_ones_over_zeros, NULL, false},
    {"N05", "anded", see_third_write, NULL, false},
    {"N06", "fault", provoke_store_read_only, NULL, true},
    {"N07", "fault", provoke_store_while_erase_enabled, NULL, true},
    {"N08", "fault", provoke_byte_store, NULL, true},
    {"N09", "fault", provoke_half_word_store, NULL, true},
    {"N10", "fault", provoke_unaligned_store, NULL, true},
    {"N11", "page", see_erase, NULL, false},
    {"N12", "ignored", see_erase_read_only, NULL, false},
    {"N13", "ignored", see_erase_while_write_enabled, NULL, false},
    {"N14", "halted", see_halt, NULL, false},
    {"N15", "busy", see_busy_from_ram, NULL, false},
    {"N16", "adds-up", see_partial_erase, NULL, false},
    {"N17", "programmed", see_uicr_program, NULL, false},
    {"N18", "all", see_uicr_erase, NULL, false},
    {NULL, NULL, arrange_closed_port, NULL, true},
    {"N19", "blocked", see_uicr_erase_closed, NULL, false},
    {"N20", "both", see_erase_all, NULL, false},
};

int main(void);

int main(void)
{
    keep_reset();
    board_start();
    steps_run(STEPS, sizeof(STEPS) / sizeof(STEPS[0]));
    return 0;
}
