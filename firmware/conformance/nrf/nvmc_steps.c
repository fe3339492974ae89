/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "nvmc_steps.h"

#include "nvmc.h"

static volatile uint32_t *const UART_TXDRDY = (volatile uint32_t *)0x4000211Cu;
static volatile uint32_t *const UART_TXD = (volatile uint32_t *)0x4000251Cu;

static uint32_t config_after_reset;
static uint32_t ready_after_reset;

void keep_reset(void)
{
    config_after_reset = *NVMC_CONFIG;
    ready_after_reset = *NVMC_READY;
}

void begin(void)
{
    nvmc_erase(REGION_SCRATCH_ADDRESS);
}

const char *see_reset(void)
{
    return config_after_reset == CONFIG_READ && (ready_after_reset & 1u) != 0 ? "read-only" : "other";
}

const char *see_program(void)
{
    begin();
    nvmc_program(CELL, 0x12345678u);
    return *CELL == 0x12345678u ? "0x12345678" : "other";
}

const char *see_second_write(void)
{
    begin();
    nvmc_program(CELL, 0xFFFF1234u);
    nvmc_program(CELL, 0x00FFFFFFu);
    return *CELL == 0x00FF1234u ? "0x00FF1234" : "other";
}

const char *see_ones_over_zeros(void)
{
    begin();
    nvmc_program(CELL, 0x12345678u);
    nvmc_program(CELL, ERASED);
    return *CELL == 0x12345678u ? "unchanged" : "other";
}

const char *see_third_write(void)
{
    begin();
    nvmc_program(CELL, 0xFFFFFF00u);
    nvmc_program(CELL, 0xFFFF0000u);
    nvmc_program(CELL, 0xFF000000u);
    return *CELL == 0xFF000000u ? "anded" : "other";
}

const char *provoke_store_read_only(void)
{
    begin();
    *CELL = 0;
    nvmc_wait();
    return "no-fault";
}

const char *provoke_store_while_erase_enabled(void)
{
    begin();
    *NVMC_CONFIG = CONFIG_ERASE;
    *CELL = 0;
    nvmc_wait();
    return "no-fault";
}

const char *provoke_byte_store(void)
{
    begin();
    *NVMC_CONFIG = CONFIG_WRITE;
    *(volatile uint8_t *)CELL = 0;
    nvmc_wait();
    return "no-fault";
}

const char *provoke_half_word_store(void)
{
    begin();
    *NVMC_CONFIG = CONFIG_WRITE;
    *(volatile uint16_t *)CELL = 0;
    nvmc_wait();
    return "no-fault";
}

const char *provoke_unaligned_store(void)
{
    begin();
    *NVMC_CONFIG = CONFIG_WRITE;
    __asm__ volatile("str %0, [%1]" ::"l"(0), "l"((uintptr_t)CELL + 2) : "memory");
    nvmc_wait();
    return "no-fault";
}

const char *see_erase(void)
{
    volatile uint32_t *const next = CELL + PAGE_BYTES / 4u;

    begin();
    nvmc_erase(REGION_SCRATCH_ADDRESS + PAGE_BYTES);
    nvmc_program(CELL, 1);
    nvmc_program(next - 1, 2);
    nvmc_program(next, 3);
    begin();
    if (*next != 3) {
        return "more";
    }
    return CELL[0] == ERASED && next[-1] == ERASED ? "page" : "less";
}

static const char *erase_with(uint32_t config)
{
    begin();
    nvmc_program(CELL, 1);
    *NVMC_CONFIG = config;
    *NVMC_ERASEPAGE = REGION_SCRATCH_ADDRESS;
    nvmc_wait();
    *NVMC_CONFIG = CONFIG_READ;
    return *CELL == 1 ? "ignored" : "erased";
}

const char *see_erase_read_only(void)
{
    return erase_with(CONFIG_READ);
}

const char *see_erase_while_write_enabled(void)
{
    return erase_with(CONFIG_WRITE);
}

/* Start-up copies it with .data: code in RAM goes on while the flash is busy. */
__attribute__((noinline, section(".data.in_ram"))) static uint32_t erase_in_ram(uint32_t address)
{
    uint32_t busy_polls = 0;

    *NVMC_CONFIG = CONFIG_ERASE;
    *NVMC_ERASEPAGE = address;
    while ((*NVMC_READY & 1u) == 0) {
        busy_polls++;
    }
    *NVMC_CONFIG = CONFIG_READ;
    return busy_polls;
}

static uint32_t (*volatile ram_erase)(uint32_t) = erase_in_ram;

const char *see_busy_from_ram(void)
{
    return ram_erase(REGION_SCRATCH_ADDRESS) > 1000u ? "busy" : "idle";
}

/* Nothing is left to return to. */
__attribute__((noinline, section(".data.in_ram"))) static void erase_all_in_ram(const volatile char *erased, const volatile char *kept, uint32_t uicr_word)
{
    const volatile uint32_t *words = (const volatile uint32_t *)REGION_PROGRAM_ADDRESS;
    const uint32_t count = (REGION_SCRATCH_ADDRESS + REGION_SCRATCH_BYTES - REGION_PROGRAM_ADDRESS) / 4u;
    const volatile char *line = erased;

    *NVMC_CONFIG = CONFIG_ERASE;
    *NVMC_ERASEALL = 1;
    while ((*NVMC_READY & 1u) == 0) {
    }
    *NVMC_CONFIG = CONFIG_READ;
    for (uint32_t word = 0; word < count; word++) {
        if (words[word] != 0xFFFFFFFFu) {
            line = kept;
        }
    }
    if (UICR[uicr_word] != 0xFFFFFFFFu) {
        line = kept;
    }
    while (*line != '\0') {
        *UART_TXDRDY = 0;
        *UART_TXD = (uint8_t)*line++;
        while (*UART_TXDRDY == 0) {
        }
    }
    for (;;) {
        __asm__ volatile("wfi");
    }
}

static void (*volatile ram_erase_all)(const volatile char *, const volatile char *, uint32_t) = erase_all_in_ram;

_Noreturn void erase_everything(const volatile char *erased, const volatile char *kept, uint32_t uicr_word)
{
    ram_erase_all(erased, kept, uicr_word);
    for (;;) {
    }
}
