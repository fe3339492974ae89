/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * From reset to main, for every Cortex-M. Used by the bootloader and by the application.
 *
 * 1. The stack pointer comes from the vector table; .data is copied and .bss cleared before main runs.
 * 2. An exception that nobody expects stops the core where a debugger finds it. Nothing here is interrupt-driven.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Set by the linker script; only their addresses mean anything. */
extern uint32_t stack_top;
extern uint8_t data_start[], data_end[], bss_start[], bss_end[];
extern const uint8_t data_load[];

int main(void);
_Noreturn void Reset_Handler(void);
_Noreturn void Unexpected_Handler(void);

typedef void (*handler)(void);

struct vector_table {
    uint32_t *stack;
    handler handlers[15];
};

__attribute__((section(".vectors"), used)) const struct vector_table vector_table = {
    &stack_top,
    {
        Reset_Handler,
        Unexpected_Handler, /* NMI */
        Unexpected_Handler, /* HardFault */
        Unexpected_Handler, /* MemManage */
        Unexpected_Handler, /* BusFault */
        Unexpected_Handler, /* UsageFault */
        NULL, NULL, NULL, NULL,
        Unexpected_Handler, /* SVCall */
        Unexpected_Handler, /* DebugMonitor */
        NULL,
        Unexpected_Handler, /* PendSV */
        Unexpected_Handler, /* SysTick */
    },
};

_Noreturn void Unexpected_Handler(void)
{
    for (;;) {
        __asm__ volatile("");
    }
}

_Noreturn void Reset_Handler(void)
{
    memcpy(data_start, data_load, (size_t)(data_end - data_start));
    memset(bss_start, 0, (size_t)(bss_end - bss_start));
    (void)main();
    Unexpected_Handler();
}
