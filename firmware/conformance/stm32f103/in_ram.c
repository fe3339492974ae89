/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "in_ram.h"

#include "fpec.h"

/* Nothing in flash may be touched from here while it is busy: no calls, no constants but those in the code. */
#define IN_RAM __attribute__((noinline, section(".data.in_ram")))

static volatile uint32_t *const USART1_SR = (volatile uint32_t *)0x40013800u;
static volatile uint32_t *const USART1_DR = (volatile uint32_t *)0x40013804u;

/* Volatile: the compiler must not find out that they are constant, and put them in flash. */
static volatile char erased_line[] = "F46 expected=erased seen=erased ok\n";
static volatile char kept_line[] = "F46 expected=erased seen=kept DIFFERS\n";

IN_RAM static void erase(uint32_t page_address, struct early_reads *reads)
{
    uint32_t first;
    uint32_t second;

    FLASH->CR = CR_PER;
    FLASH->AR = page_address;
    __asm__ volatile("str %2, [%3, #16]\n\t"
                     "ldr %0, [%3, #12]\n\t"
                     "b 1f\n"
                     "1:\n\t"
                     "nop\n\t"
                     "ldr %1, [%3, #12]"
                     : "=&l"(first), "=&l"(second)
                     : "l"(CR_PER | CR_STRT), "l"(FLASH)
                     : "memory");
    while ((FLASH->SR & SR_BSY) != 0) {
    }
    FLASH->CR = 0;
    reads->first = first;
    reads->second = second;
}

IN_RAM static uint32_t clear_control(volatile uint16_t *cell)
{
    uint32_t control;

    FLASH->CR = CR_PG;
    *cell = 0x1234u;
    FLASH->CR = 0;
    control = FLASH->CR;
    while ((FLASH->SR & SR_BSY) != 0) {
    }
    FLASH->CR = 0;
    return control;
}

IN_RAM static void program_two(volatile uint16_t *cell)
{
    FLASH->CR = CR_PG;
    cell[0] = 0x1234u;
    cell[1] = 0x0005u;
    (void)FLASH->SR;
    while ((FLASH->SR & SR_BSY) != 0) {
    }
    FLASH->CR = 0;
}

IN_RAM static void unprotect(void)
{
    const volatile uint32_t *words = (const volatile uint32_t *)REGION_PROGRAM_ADDRESS;
    const uint32_t count = (REGION_SCRATCH_ADDRESS + REGION_SCRATCH_BYTES - REGION_PROGRAM_ADDRESS) / 4u;
    const volatile char *line = erased_line;

    FLASH->CR = CR_OPTWRE | CR_OPTPG;
    OPTIONS[OPTION_RDP] = RDP_UNPROTECTED;
    (void)FLASH->SR;
    while ((FLASH->SR & SR_BSY) != 0) {
    }
    FLASH->CR = CR_LOCK;
    for (uint32_t word = 0; word < count; word++) {
        if (words[word] != 0xFFFFFFFFu) {
            line = kept_line;
        }
    }
    while (*line != '\0') {
        if ((*USART1_SR & 1u << 7) != 0) {
            *USART1_DR = (uint8_t)*line++;
        }
    }
    for (;;) {
        __asm__ volatile("wfi");
    }
}

void (*volatile ram_erase)(uint32_t, struct early_reads *) = erase;
uint32_t (*volatile ram_clear_control)(volatile uint16_t *) = clear_control;
void (*volatile ram_program_two)(volatile uint16_t *) = program_two;
void (*volatile ram_unprotect)(void) = unprotect;
