/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls the function that a word in flash chooses, twice, and sends what it returned: long calls, some of which may be shared. */
#include "start.h"

VECTORS(unexpected, unexpected, unexpected)

#define CHOICE (*(volatile uint32_t *)0x08005000u)
#define SALT (*(volatile uint32_t *)0x08005400u)
#define LAST_ERASED (*(volatile uint32_t *)0x08005800u)
#define R12_BEFORE (*(volatile uint32_t *)0x08005C00u)
#define DATA ((const volatile uint32_t *)0x08006000u)
#define TARGET 0x08008000u
#define PAGE_BYTES 1024u
#define ROUNDS 2048u

static volatile uint32_t salt;

#define CALLED static __attribute__((noinline)) uint32_t

/* Nothing but flash and registers. */
CALLED sum_of_flash(void)
{
    uint32_t sum = 0;

    for (uint32_t index = 0; index < ROUNDS; index++) {
        sum = sum * 31 + DATA[index % 1024];
    }
    return sum;
}

/* A word of RAM that somebody else wrote. */
CALLED sum_with_salt(void)
{
    uint32_t sum = salt;

    for (uint32_t index = 0; index < ROUNDS; index++) {
        sum = sum * 31 + DATA[index % 16];
    }
    return sum;
}

/* Noise: memory of its own that it never wrote. */
CALLED sum_of_noise(void)
{
    volatile uint32_t noise[8];
    uint32_t sum = 0;

    for (uint32_t index = 0; index < ROUNDS; index++) {
        sum = sum * 31 + noise[index % 8];
    }
    return sum;
}

/* RAM that it writes, and flash operations. */
CALLED copy_a_page(void)
{
    volatile uint16_t copy[64];

    FLASH_CR = 2;
    FLASH_AR = TARGET;
    FLASH_CR = 2 | 0x40;
    while ((FLASH_SR & 1u) != 0) {
    }
    FLASH_CR = 1;
    for (uint32_t offset = 0; offset < PAGE_BYTES; offset += 2) {
        copy[offset % 64] = (uint16_t)DATA[offset / 4];
        *(volatile uint16_t *)(TARGET + offset) = copy[offset % 64];
        while ((FLASH_SR & 1u) != 0) {
        }
    }
    FLASH_CR = 0;
    return sum_of_flash() + *(volatile uint32_t *)TARGET;
}

/* Bytes on the UART. */
CALLED send_bytes(void)
{
    for (uint32_t index = 0; index < ROUNDS / 2; index++) {
        uart_put((uint8_t)(DATA[index % 16] + index));
    }
    return 0;
}

/* The Q flag, which it sets or leaves as it is. */
CALLED sum_saturated(void)
{
    uint32_t sum = 0;
    int32_t most;

    for (uint32_t index = 0; index < ROUNDS; index++) {
        __asm volatile("ssat %0, #8, %1" : "=r"(most) : "r"(salt * 100));
        sum = sum * 31 + (uint32_t)most;
    }
    return sum;
}

/* The same inside of a call, and another one behind it. */
CALLED sum_saturated_inside(void)
{
    return sum_saturated() * 31 + sum_of_flash() * 7;
}

/* R12, named by a narrow instruction, a wide one, and a list. */
CALLED sum_with_r12_moved(void)
{
    uint32_t sum;

    __asm volatile("mov %0, r12" : "=r"(sum));
    return sum + sum_of_flash();
}

CALLED sum_with_r12_added(void)
{
    uint32_t sum;

    __asm volatile("add.w %0, r12, #1" : "=r"(sum));
    return sum + sum_of_flash();
}

CALLED sum_with_r12_pushed(void)
{
    uint32_t sum;

    __asm volatile("push.w {r11, r12}\n\tldr %0, [sp, #4]\n\tadd sp, #8" : "=r"(sum) : : "memory");
    return sum + sum_of_flash();
}

/* A register of the flash controller. */
CALLED sum_with_controller(void)
{
    return sum_of_flash() + FLASH_AR;
}

/* From here on nothing may be shared: a register of a timer, ... */
CALLED sum_with_time(void)
{
    return sum_of_flash() + *(volatile uint32_t *)0xE000E018u;
}

/* with some salts only, */
CALLED sum_with_time_or_not(void)
{
    uint32_t sum = sum_of_flash();

    return (salt & 2u) != 0 ? sum + *(volatile uint32_t *)0xE000E018u : sum;
}

/* ... the core's special registers, ... */
CALLED sum_with_mask(void)
{
    uint32_t mask;

    __asm volatile("mrs %0, primask" : "=r"(mask));
    return sum_with_salt() + mask;
}

/* ... exclusive accesses, ... */
CALLED sum_exclusively(void)
{
    uint32_t sum = 0;
    uint32_t word;

    for (uint32_t index = 0; index < ROUNDS; index++) {
        __asm volatile("ldrex %0, [%1]" : "=r"(word) : "r"(&salt));
        sum = sum * 31 + word + DATA[index % 16];
    }
    return sum;
}

/* ... a byte that was received, ... */
CALLED sum_with_input(void)
{
    return sum_of_flash() + USART_DR;
}

/* ... RAM by its bit-band alias, ... */
CALLED sum_with_alias(void)
{
    return sum_of_flash() + REGISTER(0x22000000u + 32u * ((uint32_t)&salt - 0x20000000u));
}

/* ... and a rule that is broken: the cells are not erased. */
CALLED program_twice(void)
{
    FLASH_CR = 1;
    for (uint32_t index = 0; index < ROUNDS; index++) {
        *(volatile uint16_t *)(TARGET + 512) = (uint16_t)(index | 1);
    }
    FLASH_CR = 0;
    return 0;
}

static uint32_t (*const functions[])(void) = {sum_of_flash,  sum_with_salt, sum_of_noise,    copy_a_page,
                                              sum_with_time, sum_with_mask, sum_exclusively, program_twice,
                                              send_bytes,    sum_with_input, sum_with_alias,  sum_saturated,
                                              sum_with_controller, sum_saturated_inside, sum_with_r12_moved,
                                              sum_with_r12_added, sum_with_r12_pushed, sum_with_time_or_not};

void run(void)
{
    FLASH_KEYR = 0x45670123;
    FLASH_KEYR = 0xCDEF89AB;
    FLASH_AR = LAST_ERASED;
    salt = SALT;
    uart_open();
    USART_BRR = 1 + 16 * (SALT & 3u);
    for (uint32_t index = 0; index < SALT; index++) {
        uart_put((uint8_t)index); /* the line is busy when the calls begin, or not */
    }
    for (uint32_t round = 0; round < 2; round++) {
        uint32_t (*function)(void) = functions[CHOICE];
        uint32_t result;
        uint32_t flags;

        __asm volatile("ldr r12, [%0]" : : "r"(&R12_BEFORE) : "r12");
        result = function();
        __asm volatile("mrs %0, apsr" : "=r"(flags));
        *(volatile uint32_t *)(0x20001000u + 4 * round) = result;
        *(volatile uint32_t *)(0x20001008u + 4 * round) = flags & 0x08000000u;
    }
}
