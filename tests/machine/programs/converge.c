/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Takes as long as a page says, erases and programs that page, and does what a word in flash chooses: boots that come together after the erase. */
#include "start.h"

VECTORS(unexpected, unexpected, unexpected)

#define CHOICE (*(volatile uint32_t *)0x08005000u)
#define TARGET 0x08008000u
#define DEMCR REGISTER(0xE000EDFC)
#define DWT_CTRL REGISTER(0xE0001000)
#define DWT_CYCCNT REGISTER(0xE0001004)
#define AIRCR REGISTER(0xE000ED0C)
#define EXTI_IMR REGISTER(0x40010400)

enum choice { QUIET, SENDS, BREAKS_A_RULE, UNKNOWN_REGISTERS, SYSTICK, CYCLE_COUNTER, WATCHDOG, RESET };

static void spin(uint32_t rounds)
{
    while (rounds != 0) {
        rounds--;
        __asm volatile("" : "+r"(rounds));
    }
}

static void before(uint32_t choice)
{
    if (choice == SYSTICK) {
        SYST_RVR = 0xFFFFFF;
        SYST_CVR = 0;
        SYST_CSR = 5;
    } else if (choice == CYCLE_COUNTER) {
        DEMCR = 1u << 24;
        DWT_CTRL = 1;
    } else if (choice == WATCHDOG) {
        IWDG_KR = 0xCCCC;
    } else if (choice == UNKNOWN_REGISTERS) {
        EXTI_IMR = EXTI_IMR + 1;
    }
}

static void after(uint32_t choice)
{
    uint32_t value = choice == SYSTICK ? SYST_CVR : choice == CYCLE_COUNTER ? DWT_CYCCNT : choice;

    if (choice == BREAKS_A_RULE) {
        *(volatile uint16_t *)TARGET = 0x1234; /* not erased */
    } else if (choice == UNKNOWN_REGISTERS) {
        EXTI_IMR = EXTI_IMR + 1;
        value = REGISTER(0x40010404);
    } else if (choice == RESET) {
        AIRCR = 0x05FA0004;
        sleep_for_ever();
    }
    if (choice != QUIET) {
        uart_put((uint8_t)value);
        uart_put((uint8_t)(value >> 8));
    }
}

void run(void)
{
    uint32_t choice = CHOICE;

    FLASH_KEYR = 0x45670123;
    FLASH_KEYR = 0xCDEF89AB;
    uart_open();
    uart_put('a');
    before(choice);
    spin(*(volatile uint32_t *)TARGET);
    FLASH_CR = 2;
    FLASH_AR = TARGET;
    FLASH_CR = 2 | 0x40;
    while ((FLASH_SR & 1u) != 0) {
    }
    FLASH_CR = 1;
    for (uint32_t offset = 0; offset < 64; offset += 2) {
        *(volatile uint16_t *)(TARGET + offset) = (uint16_t)(offset * 257);
        while ((FLASH_SR & 1u) != 0) {
        }
    }
    after(choice);
    spin(5000);
}
