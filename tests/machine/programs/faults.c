/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A firmware with fault handlers of its own; the byte at 0x4000 of the flash chooses what goes wrong. */
#include "start.h"

#define CHOICE (*(volatile uint8_t *)(FLASH_START + 0x4000u))
#define SHCSR REGISTER(0xE000ED24)
#define CFSR REGISTER(0xE000ED28)
#define HFSR REGISTER(0xE000ED2C)
#define BFAR REGISTER(0xE000ED38)
#define NOWHERE REGISTER(0x30000000)
#define AIRCR REGISTER(0xE000ED0C)

enum choice {
    SKIP_IN_HARD_FAULT = 0, /* step over the instruction and go on */
    SKIP_IN_BUS_FAULT = 1,
    UNDEFINED = 2,
    SPIN = 3,
    FAULT_AGAIN = 4,
    RESET = 5,
    BREAKPOINT = 6,
};

static void put_word(uint32_t value)
{
    for (int index = 0; index < 4; index++) {
        uart_put((uint8_t)(value >> (8 * index)));
    }
}

__attribute__((used)) static void handle(uint32_t *frame, uint32_t number)
{
    uart_put((uint8_t)('0' + number));
    put_word(CFSR);
    put_word(HFSR);
    put_word(BFAR);
    CFSR = CFSR;
    switch (CHOICE) {
    case SPIN:
        for (;;) {
            __asm volatile("");
        }
    case FAULT_AGAIN:
        NOWHERE = 2;
        break;
    case RESET:
        AIRCR = 0x05FA0004;
        break;
    default:
        frame[6] += 2; /* all of them are narrow instructions */
        break;
    }
}

__attribute__((naked)) static void on_fault(void)
{
    __asm volatile("mov r0, sp\n mrs r1, ipsr\n push {r4, lr}\n bl handle\n pop {r4, pc}");
}

void run(void)
{
    uart_open();
    if (CHOICE == SKIP_IN_BUS_FAULT) {
        SHCSR = 1u << 17;
    }
    if (CHOICE == UNDEFINED) {
        SHCSR = 1u << 18;
        __asm volatile("udf #0");
    } else if (CHOICE == BREAKPOINT) {
        __asm volatile("bkpt #0");
    } else {
        __asm volatile("movs r2, #1\n str r2, [%0]" ::"l"(0x30000000) : "r2", "memory");
    }
    uart_put('!');
}

void start(void)
{
    run();
    sleep_for_ever();
}

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[16] = {
    STACK_TOP, (uintptr_t)start, 0, (uintptr_t)on_fault, (uintptr_t)on_fault, (uintptr_t)on_fault, (uintptr_t)on_fault,
};
