/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The rules of platforms/nrf51822/rules.toml, in that order; docs/SPEC.md shows them as a table.
 *
 * 1. Only the pages of `marks` and `scratch` change, and one word of UICR.
 * 2. The last step erases everything: at the end flash and UICR are erased, this program with them. Nothing that resets the chip
 *    comes behind the step that writes UICR. Do not reset the chip by hand while it runs: a reset counts as a fault.
 */
#include <stddef.h>

#include "nvmc.h"
#include "nvmc_steps.h"
#include "steps.h"

#define UICR_CUSTOMER 32u

static const char *see_uicr_program(void)
{
    nvmc_program(&UICR[UICR_CUSTOMER], 0xFFFFFF5Au);
    return UICR[UICR_CUSTOMER] == 0xFFFFFF5Au ? "programmed" : "other";
}

static const char *see_uicr_erase(void)
{
    *NVMC_CONFIG = CONFIG_ERASE;
    *NVMC_ERASEUICR = 1;
    nvmc_wait();
    *NVMC_CONFIG = CONFIG_READ;
    return UICR[UICR_CUSTOMER] == 0xFFFFFF5Au ? "ignored" : "erased";
}

/* Volatile: the compiler must not find out that they are constant, and put them in flash. */
static volatile char erased_line[] = "L17 expected=both seen=both ok\n";
static volatile char kept_line[] = "L17 expected=both seen=less DIFFERS\n";

static const char *see_erase_all(void)
{
    erase_everything(erased_line, kept_line, UICR_CUSTOMER);
}

static const struct step STEPS[] = {
    {"L01", "read-only", see_reset, NULL, false},
    {"L02", "0x12345678", see_program, NULL, false},
    {"L03", "0x00FF1234", see_second_write, NULL, false},
    {"L04", "unchanged", see_ones_over_zeros, NULL, false},
    {"L05", "anded", see_third_write, NULL, false},
    {"L06", "fault", provoke_store_read_only, NULL, true},
    {"L07", "fault", provoke_store_while_erase_enabled, NULL, true},
    {"L08", "fault", provoke_byte_store, NULL, true},
    {"L09", "fault", provoke_half_word_store, NULL, true},
    {"L10", "fault", provoke_unaligned_store, NULL, true},
    {"L11", "page", see_erase, NULL, false},
    {"L12", "ignored", see_erase_read_only, NULL, false},
    {"L13", "ignored", see_erase_while_write_enabled, NULL, false},
    {"L14", "busy", see_busy_from_ram, NULL, false},
    {"L15", "programmed", see_uicr_program, NULL, false},
    {"L16", "ignored", see_uicr_erase, NULL, false},
    {"L17", "both", see_erase_all, NULL, false},
};

int main(void);

int main(void)
{
    keep_reset();
    board_start();
    steps_run(STEPS, sizeof(STEPS) / sizeof(STEPS[0]));
    return 0;
}
