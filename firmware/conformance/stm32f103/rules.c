/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The rules of platforms/stm32f103/rules.toml, in that order; docs/SPEC.md shows them as a table.
 *
 * 1. Only the pages of `marks` and `scratch` change, and the option bytes, which are put back.
 * 2. The last steps read-protect the chip and lift that again: at the end the flash is erased, this program with it, and the
 *    option bytes are those of delivery. Run it without a debugger, and do not reset it by hand: a reset counts as a fault.
 */
#include <stddef.h>

#include "fpec.h"
#include "in_ram.h"
#include "steps.h"

static volatile uint16_t *const CELL = (volatile uint16_t *)REGION_SCRATCH_ADDRESS;
static volatile uint32_t *const RCC_CR = (volatile uint32_t *)0x40021000u;
static volatile uint32_t *const RCC_CFGR = (volatile uint32_t *)0x40021004u;
static volatile uint32_t *const DEMCR = (volatile uint32_t *)0xE000EDFCu;
static volatile uint32_t *const SCB_CCR = (volatile uint32_t *)0xE000ED14u;
static volatile uint32_t *const DWT_CTRL = (volatile uint32_t *)0xE0001000u;
static volatile uint32_t *const DWT_CYCCNT = (volatile uint32_t *)0xE0001004u;

static const uint32_t RCC_CR_HSION = 1u << 0;
static const uint32_t RCC_CR_HSIRDY = 1u << 1;
static const uint32_t RCC_CR_HSEON = 1u << 16;
static const uint32_t RCC_CR_HSERDY = 1u << 17;
static const uint32_t RCC_CFGR_SW = 3u;
static const uint32_t RCC_CFGR_SW_HSE = 1u;
static const uint32_t RCC_CFGR_SWS = 3u << 2;
static const uint32_t RCC_CFGR_SWS_HSE = 1u << 2;
static const uint32_t CCR_BFHFNMIGN = 1u << 8;
static const uint32_t DEMCR_TRCENA = 1u << 24;
static const uint32_t CRYSTAL_POLLS = 100000u;
static const uint32_t SHORTEST_ERASE_CYCLES = 160000u; /* 20 ms at 8 MHz */

static uint32_t control_after_reset;

/* The scratch page erased, the controller unlocked and idle, no flag set. */
static void begin(void)
{
    fpec_erase(REGION_SCRATCH_ADDRESS);
    fpec_clear();
}

/* The same, with 0x1234 in the first cell. */
static void begin_written(void)
{
    begin();
    fpec_program(CELL, 0x1234u);
    fpec_clear();
}

static const char *name_of_cell(void)
{
    return *CELL == 0x1234u ? "0x1234" : *CELL == 0xFFFFu ? "unchanged" : "other";
}

static const char *locked_or_not(void)
{
    return (FLASH->CR & CR_LOCK) != 0 ? "locked" : "unlocked";
}

static const char *see_reset_lock(void)
{
    return control_after_reset == CR_LOCK ? "locked" : "other";
}

static const char *see_locked_control(void)
{
    fpec_lock();
    FLASH->CR = CR_PG;
    return FLASH->CR == CR_LOCK ? "ignored" : "taken";
}

static const char *see_unlock(void)
{
    fpec_lock();
    FLASH->KEYR = KEY1;
    FLASH->KEYR = KEY2;
    return locked_or_not();
}

/* AR cannot be read on every revision: which page is erased tells what it held. */
static const char *see_locked_address(void)
{
    begin_written();
    FLASH->AR = REGION_SCRATCH_ADDRESS;
    fpec_lock();
    FLASH->AR = REGION_SCRATCH_ADDRESS + PAGE_BYTES;
    fpec_unlock();
    FLASH->CR = CR_PER;
    FLASH->CR = CR_PER | CR_STRT;
    fpec_wait();
    FLASH->CR = 0;
    return *CELL == 0xFFFFu ? "ignored" : "taken";
}

static const char *provoke_wrong_first_key(void)
{
    fpec_lock();
    FLASH->KEYR = KEY2;
    return "no-fault";
}

static const char *provoke_wrong_second_key(void)
{
    fpec_lock();
    FLASH->KEYR = KEY1;
    FLASH->KEYR = KEY1;
    return "no-fault";
}

static const char *see_keys_after_wrong_key(void)
{
    fpec_unlock();
    return locked_or_not();
}

/* With CCR.BFHFNMIGN, code at the priority of a HardFault survives a precise bus fault. If it is taken all the same, its handler looks. */
static const char *survive_wrong_key(void)
{
    const char *seen;

    fpec_lock();
    *SCB_CCR |= CCR_BFHFNMIGN;
    __asm__ volatile("cpsid f\n\tdsb\n\tisb" ::: "memory");
    FLASH->KEYR = KEY2;
    seen = see_keys_after_wrong_key();
    __asm__ volatile("dsb\n\tcpsie f\n\tisb" ::: "memory");
    *SCB_CCR &= ~CCR_BFHFNMIGN;
    return seen;
}

static const char *see_option_keys_first(void)
{
    fpec_lock();
    FLASH->OPTKEYR = KEY1;
    FLASH->OPTKEYR = KEY2;
    fpec_unlock();
    return (FLASH->CR & CR_OPTWRE) == 0 ? "ignored" : "taken";
}

static const char *see_option_keys(void)
{
    bool set;

    fpec_unlock_options();
    set = (FLASH->CR & CR_OPTWRE) != 0;
    FLASH->CR = 0;
    return set && (FLASH->CR & CR_OPTWRE) == 0 ? "writable" : "other";
}

static const char *see_wrong_option_key(void)
{
    fpec_unlock();
    FLASH->OPTKEYR = KEY2;
    fpec_unlock_options();
    return (FLASH->CR & CR_OPTWRE) == 0 ? "locked" : "writable";
}

static const char *see_program(void)
{
    begin();
    fpec_program(CELL, 0x1234u);
    return name_of_cell();
}

static const char *provoke_word_store(void)
{
    begin();
    FLASH->CR = CR_PG;
    *(volatile uint32_t *)CELL = 0x12345678u;
    fpec_wait();
    return "no-fault";
}

static const char *provoke_byte_store(void)
{
    begin();
    FLASH->CR = CR_PG;
    *(volatile uint8_t *)CELL = 0x12u;
    fpec_wait();
    return "no-fault";
}

static const char *provoke_store_without_pg(void)
{
    begin();
    *CELL = 0x1234u;
    fpec_wait();
    return "no-fault";
}

static const char *refused_over_1234(uint16_t value)
{
    begin_written();
    fpec_program(CELL, value);
    return (FLASH->SR & SR_FLAGS) == SR_PGERR && *CELL == 0x1234u ? "refused" : "taken";
}

static const char *see_overwrite(void)
{
    return refused_over_1234(0x1230u);
}

static const char *see_same_value(void)
{
    return refused_over_1234(0x1234u);
}

static const char *see_zero_over_anything(void)
{
    begin_written();
    fpec_program(CELL, 0);
    return (FLASH->SR & SR_PGERR) == 0 && *CELL == 0 ? "0x0000" : "refused";
}

static const char *see_all_ones(void)
{
    begin();
    fpec_program(CELL, 0xFFFFu);
    return (FLASH->SR & SR_FLAGS) == SR_EOP ? "programmed" : "nothing";
}

static const char *see_next_after_error(void)
{
    begin_written();
    FLASH->CR = CR_PG;
    CELL[0] = 0x1230u;
    fpec_wait();
    CELL[1] = 0x0005u;
    fpec_wait();
    FLASH->CR = 0;
    return CELL[1] == 0x0005u ? "programmed" : "blocked";
}

static const char *see_end_flag(void)
{
    bool stays;

    begin();
    fpec_program(CELL, 0x1234u);
    FLASH->SR = 0;
    stays = (FLASH->SR & SR_EOP) != 0;
    FLASH->SR = SR_EOP;
    return stays && (FLASH->SR & SR_EOP) == 0 ? "until-written" : "other";
}

static const char *see_error_flag(void)
{
    bool stays;

    begin_written();
    FLASH->CR = CR_PG;
    CELL[0] = 0x1230u;
    fpec_wait();
    CELL[1] = 0x0005u;
    fpec_wait();
    FLASH->CR = 0;
    FLASH->SR = SR_EOP;
    stays = (FLASH->SR & SR_PGERR) != 0;
    FLASH->SR = SR_PGERR;
    return stays && (FLASH->SR & SR_PGERR) == 0 ? "until-written" : "other";
}

static const char *see_program_with_per(void)
{
    begin();
    FLASH->CR = CR_PER | CR_PG;
    *CELL = 0x1234u;
    fpec_wait();
    FLASH->CR = 0;
    return name_of_cell();
}

static const char *see_erase_with_pg(void)
{
    begin_written();
    FLASH->CR = CR_PG | CR_PER;
    FLASH->AR = REGION_SCRATCH_ADDRESS;
    FLASH->CR = CR_PG | CR_PER | CR_STRT;
    fpec_wait();
    FLASH->CR = 0;
    return *CELL == 0x1234u ? "unchanged" : "erased";
}

static const char *see_start_alone(void)
{
    begin_written();
    FLASH->AR = REGION_SCRATCH_ADDRESS;
    FLASH->CR = CR_STRT;
    fpec_wait();
    FLASH->CR = 0;
    return *CELL == 0x1234u && (FLASH->SR & SR_FLAGS) == 0 ? "nothing" : "other";
}

static const char *see_program_at_alias(void)
{
    begin();
    fpec_program((volatile uint16_t *)(REGION_SCRATCH_ADDRESS - REGION_PROGRAM_ADDRESS), 0x1234u);
    return name_of_cell();
}

static const char *see_erase_at_alias(void)
{
    begin_written();
    fpec_erase(REGION_SCRATCH_ADDRESS - REGION_PROGRAM_ADDRESS);
    return *CELL == 0x1234u ? "unchanged" : "erased";
}

static const char *see_erase(void)
{
    volatile uint16_t *const last_before = CELL + PAGE_BYTES / 2u - 1u;
    volatile uint16_t *const first_behind = CELL + PAGE_BYTES;

    begin();
    fpec_erase(REGION_SCRATCH_ADDRESS + PAGE_BYTES);
    fpec_erase(REGION_SCRATCH_ADDRESS + 2u * PAGE_BYTES);
    fpec_program(last_before, 1);
    fpec_program(last_before + 1, 2);
    fpec_program(first_behind - 1, 3);
    fpec_program(first_behind, 4);
    fpec_erase(REGION_SCRATCH_ADDRESS + PAGE_BYTES + 6u);
    if (*last_before != 1 || *first_behind != 4) {
        return "more";
    }
    return last_before[1] == 0xFFFFu && first_behind[-1] == 0xFFFFu ? "page" : "less";
}

static const char *see_start_clears(void)
{
    bool clear;

    fpec_unlock();
    FLASH->CR = CR_PER;
    FLASH->AR = REGION_SCRATCH_ADDRESS;
    FLASH->CR = CR_PER | CR_STRT;
    fpec_wait();
    clear = FLASH->CR == CR_PER;
    FLASH->CR = 0;
    return clear ? "clear" : "set";
}

static const char *see_stall(void)
{
    uint32_t cycles;
    uint32_t status;

    begin();
    *DEMCR |= DEMCR_TRCENA;
    *DWT_CTRL |= 1u;
    FLASH->CR = CR_PER;
    FLASH->AR = REGION_SCRATCH_ADDRESS;
    cycles = *DWT_CYCCNT;
    FLASH->CR = CR_PER | CR_STRT;
    /* More than the prefetch buffer holds. */
    __asm__ volatile("nop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop");
    status = FLASH->SR;
    cycles = *DWT_CYCCNT - cycles;
    fpec_wait();
    FLASH->CR = 0;
    return (status & SR_BSY) == 0 && cycles >= SHORTEST_ERASE_CYCLES ? "stalled" : "running";
}

static const char *see_busy_from_ram(void)
{
    struct early_reads reads;

    begin();
    ram_erase(REGION_SCRATCH_ADDRESS, &reads);
    return (reads.second & SR_BSY) != 0 ? "busy" : "idle";
}

static const char *see_busy_late(void)
{
    struct early_reads reads;

    begin();
    ram_erase(REGION_SCRATCH_ADDRESS, &reads);
    return (reads.first & SR_BSY) == 0 && (reads.second & SR_BSY) != 0 ? "late" : "at-once";
}

static const char *see_control_while_busy(void)
{
    begin();
    return ram_clear_control(CELL) == CR_PG ? "ignored" : "taken";
}

static const char *see_store_while_busy(void)
{
    begin();
    ram_program_two(CELL);
    return CELL[0] == 0x1234u && CELL[1] == 0x0005u ? "both" : "lost";
}

/* The core must run from the crystal before its internal oscillator may stop. */
static bool stop_internal_oscillator(void)
{
    *RCC_CR |= RCC_CR_HSEON;
    for (uint32_t polls = 0; (*RCC_CR & RCC_CR_HSERDY) == 0; polls++) {
        if (polls == CRYSTAL_POLLS) {
            *RCC_CR &= ~RCC_CR_HSEON;
            return false;
        }
    }
    *RCC_CFGR = (*RCC_CFGR & ~RCC_CFGR_SW) | RCC_CFGR_SW_HSE;
    while ((*RCC_CFGR & RCC_CFGR_SWS) != RCC_CFGR_SWS_HSE) {
    }
    *RCC_CR &= ~RCC_CR_HSION;
    return true;
}

static void start_internal_oscillator(void)
{
    *RCC_CR |= RCC_CR_HSION;
    while ((*RCC_CR & RCC_CR_HSIRDY) == 0) {
    }
    *RCC_CFGR &= ~RCC_CFGR_SW;
    while ((*RCC_CFGR & RCC_CFGR_SWS) != 0) {
    }
    *RCC_CR &= ~RCC_CR_HSEON;
}

static const char *see_internal_oscillator_off(void)
{
    begin();
    if (!stop_internal_oscillator()) {
        return NULL;
    }
    FLASH->CR = CR_PG;
    *CELL = 0x1234u;
    start_internal_oscillator();
    fpec_wait();
    FLASH->CR = 0;
    return name_of_cell();
}

static const char *see_option_store_locked(void)
{
    fpec_unlock();
    fpec_clear();
    FLASH->CR = CR_OPTPG;
    OPTIONS[OPTION_RDP + 2] = 0;
    fpec_wait();
    FLASH->CR = 0;
    return (FLASH->SR & SR_FLAGS) == SR_WRPRTERR ? "WRPRTERR" : "other";
}

static const char *see_option_erase(void)
{
    bool erased = true;

    fpec_erase_options();
    for (uint32_t position = 0; position < OPTION_HALF_WORDS; position++) {
        erased = erased && OPTIONS[position] == 0xFFFFu;
    }
    fpec_restore_options(false);
    return erased ? "all" : "some";
}

static const char *see_complement(void)
{
    bool computed;

    fpec_erase_options();
    fpec_program_option(OPTION_RDP, RDP_UNPROTECTED);
    computed = OPTIONS[OPTION_RDP] == 0x5AA5u;
    fpec_restore_options(false);
    return computed ? "0x5AA5" : "other";
}

static const char *see_option_overwrite(void)
{
    fpec_program_option(OPTION_RDP + 2, 0);
    return (FLASH->SR & SR_FLAGS) == SR_PGERR ? "refused" : "taken";
}

static const char *see_options_before_reset(void)
{
    fpec_restore_options(true);
    return FLASH->WRPR == 0xFFFFFFFFu ? "unchanged" : "changed";
}

static const char *see_protected_program(void)
{
    fpec_program(CELL, 0);
    return (FLASH->SR & SR_FLAGS) == SR_WRPRTERR ? "WRPRTERR" : "other";
}

static const char *see_protected_erase(void)
{
    fpec_erase(REGION_SCRATCH_ADDRESS);
    return (FLASH->SR & SR_FLAGS) == SR_WRPRTERR ? "WRPRTERR" : "other";
}

static const char *arrange_no_protection(void)
{
    fpec_restore_options(false);
    return NULL;
}

static const char *arrange_erased_options(void)
{
    fpec_erase_options();
    return NULL;
}

static const char *see_read_protection(void)
{
    return (FLASH->OBR & OBR_RDPRT) != 0 ? "protected" : "open";
}

static const char *see_own_flash(void)
{
    return *(const volatile uint32_t *)REGION_PROGRAM_ADDRESS != 0xFFFFFFFFu ? "read" : "refused";
}

static const char *see_program_while_protected(void)
{
    begin();
    fpec_program(CELL, 0x1234u);
    return name_of_cell();
}

/* All ones: harmless if the page is not protected. */
static const char *see_first_pages(void)
{
    fpec_program((volatile uint16_t *)REGION_PROGRAM_ADDRESS, 0xFFFFu);
    return (FLASH->SR & SR_FLAGS) == SR_WRPRTERR ? "WRPRTERR" : "other";
}

static const char *see_unprotection(void)
{
    fpec_unlock_options();
    fpec_clear();
    ram_unprotect();
    return "kept";
}

static const struct step STEPS[] = {
    {"F01", "locked", see_reset_lock, NULL, false},
    {"F02", "ignored", see_locked_control, NULL, false},
    {"F03", "unlocked", see_unlock, NULL, false},
    {"F04", "ignored", see_locked_address, NULL, false},
    {"F05", "fault", provoke_wrong_first_key, NULL, true},
    {"F06", "fault", provoke_wrong_second_key, NULL, true},
    {"F07", "locked", survive_wrong_key, see_keys_after_wrong_key, true},
    {"F08", "ignored", see_option_keys_first, NULL, false},
    {"F09", "writable", see_option_keys, NULL, false},
    {"F10", "locked", see_wrong_option_key, NULL, true},
    {"F11", "0x1234", see_program, NULL, false},
    {"F12", "fault", provoke_word_store, NULL, true},
    {"F13", "fault", provoke_byte_store, NULL, true},
    {"F14", "fault", provoke_store_without_pg, NULL, true},
    {"F15", "refused", see_overwrite, NULL, false},
    {"F16", "refused", see_same_value, NULL, false},
    {"F17", "0x0000", see_zero_over_anything, NULL, false},
    {"F18", "programmed", see_all_ones, NULL, false},
    {"F19", "programmed", see_next_after_error, NULL, false},
    {"F20", "until-written", see_end_flag, NULL, false},
    {"F21", "until-written", see_error_flag, NULL, false},
    {"F22", "unchanged", see_program_with_per, NULL, false},
    {"F23", "unchanged", see_erase_with_pg, NULL, false},
    {"F24", "nothing", see_start_alone, NULL, false},
    {"F25", "0x1234", see_program_at_alias, NULL, false},
    {"F26", "unchanged", see_erase_at_alias, NULL, false},
    {"F27", "page", see_erase, NULL, false},
    {"F28", "clear", see_start_clears, NULL, false},
    {"F29", "stalled", see_stall, NULL, false},
    {"F30", "busy", see_busy_from_ram, NULL, false},
    {"F31", "late", see_busy_late, NULL, false},
    {"F32", "ignored", see_control_while_busy, NULL, false},
    {"F33", "both", see_store_while_busy, NULL, false},
    {"F34", "unchanged", see_internal_oscillator_off, NULL, false},
    {"F35", "WRPRTERR", see_option_store_locked, NULL, false},
    {"F36", "all", see_option_erase, NULL, false},
    {"F37", "0x5AA5", see_complement, NULL, false},
    {"F38", "refused", see_option_overwrite, NULL, false},
    {"F39", "unchanged", see_options_before_reset, NULL, true},
    {"F40", "WRPRTERR", see_protected_program, NULL, false},
    {"F41", "WRPRTERR", see_protected_erase, NULL, false},
    {NULL, NULL, arrange_no_protection, NULL, true},
    {NULL, NULL, arrange_erased_options, NULL, true},
    {"F42", "protected", see_read_protection, NULL, false},
    {"F43", "read", see_own_flash, NULL, false},
    {"F44", "0x1234", see_program_while_protected, NULL, false},
    {"F45", "WRPRTERR", see_first_pages, NULL, false},
    {"F46", "erased", see_unprotection, NULL, false},
};

int main(void);

int main(void)
{
    control_after_reset = FLASH->CR;
    board_start();
    steps_run(STEPS, sizeof(STEPS) / sizeof(STEPS[0]));
    return 0;
}
