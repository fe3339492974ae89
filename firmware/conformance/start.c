/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* From reset to main, for every Cortex-M. Faults are provoked on purpose: each ends in a reset, and the marks tell why. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "steps.h"

/* Set by the linker script; only their addresses mean anything. */
extern uint32_t stack_top;
extern uint8_t data_start[], data_end[], bss_start[], bss_end[];
extern const uint8_t data_load[];

int main(void);
_Noreturn void Reset_Handler(void);

typedef void (*handler)(void);

struct vector_table {
    uint32_t *stack;
    handler handlers[15];
};

__attribute__((section(".vectors"), used)) const struct vector_table vector_table = {
    &stack_top,
    {
        Reset_Handler,
        steps_fault, /* NMI */
        steps_fault, /* HardFault */
        steps_fault, /* MemManage */
        steps_fault, /* BusFault */
        steps_fault, /* UsageFault */
        NULL, NULL, NULL, NULL,
        steps_fault, /* SVCall */
        steps_fault, /* DebugMonitor */
        NULL,
        steps_fault, /* PendSV */
        steps_fault, /* SysTick */
    },
};

_Noreturn void Reset_Handler(void)
{
    memcpy(data_start, data_load, (size_t)(data_end - data_start));
    memset(bss_start, 0, (size_t)(bss_end - bss_start));
    (void)main();
    for (;;) {
        __asm__ volatile("wfi");
    }
}
