/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Executes a list of accesses that the test puts at 0x4000 of the flash: three words each, kind, address and value. */
#include "start.h"

VECTORS(unexpected, unexpected, unexpected)

#define SCRIPT (FLASH_START + 0x4000u)
#define INTERPRETER_WORDS 256u

enum kind {
    SLEEP = 0,
    WRITE32 = 1,
    WRITE16 = 2,
    WRITE8 = 3,
    SEND32 = 4,     /* read a word and send it over the UART */
    WAIT_CLEAR = 5, /* poll a word until no bit of `value` is set */
    SPIN = 6,
    CONTINUE_IN_RAM = 7, /* the same interpreter, copied to RAM */
    CALL = 8,
    WFE = 9,
    JUMP = 10, /* go on with the list at an address */
};

__attribute__((noinline, section(".text.interpret"))) static void interpret(const volatile uint32_t *step)
{
    for (;; step += 3) {
        volatile uint32_t *word = (volatile uint32_t *)step[1];
        uint32_t value = step[2];

        switch (step[0]) {
        case WRITE32:
            *word = value;
            break;
        case WRITE16:
            *(volatile uint16_t *)word = (uint16_t)value;
            break;
        case WRITE8:
            *(volatile uint8_t *)word = (uint8_t)value;
            break;
        case SEND32:
            value = *word;
            for (int index = 0; index < 4; index++) {
                uart_put((uint8_t)(value >> (8 * index)));
            }
            break;
        case WAIT_CLEAR:
            while ((*word & value) != 0) {
            }
            break;
        case SPIN:
            for (volatile uint32_t left = value; left != 0; left--) {
            }
            break;
        case CONTINUE_IN_RAM: {
            volatile uint32_t *ram = (volatile uint32_t *)0x20000000;
            const volatile uint32_t *code = (const volatile uint32_t *)((uintptr_t)interpret & ~3u);

            for (uint32_t index = 0; index < INTERPRETER_WORDS; index++) {
                ram[index] = code[index];
            }
            for (uint32_t index = 0; index < INTERPRETER_WORDS; index++) {
                ram[INTERPRETER_WORDS + index] = step[3 + index];
            }
            ((void (*)(const volatile uint32_t *))(0x20000000 + ((uintptr_t)interpret & 3u)))(ram + INTERPRETER_WORDS);
            break;
        }
        case CALL:
            ((void (*)(void))word)();
            break;
        case WFE:
            __asm volatile("wfe");
            break;
        case JUMP:
            step = (const volatile uint32_t *)(word - 3);
            break;
        default:
            sleep_for_ever();
        }
    }
}

void run(void)
{
    uart_open();
    interpret((const volatile uint32_t *)SCRIPT);
}
