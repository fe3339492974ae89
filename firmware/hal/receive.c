/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Waiting for a byte asleep, for a while. For every core with a SysTick; only applications use it.
 *
 * 1. Interrupts stay masked: one that is pending ends the sleep and is not taken, so nobody needs a handler.
 * 2. The loop looks for a byte before each sleep, and one that comes in between pends: none is slept through.
 */
#include "hal.h"

struct systick {
    volatile uint32_t CSR, RVR, CVR;
};

static struct systick *const SYSTICK = (struct systick *)0xE000E010u;
static volatile uint32_t *const SCB_ICSR = (volatile uint32_t *)0xE000ED04u;

static const uint32_t SYSTICK_CSR_ON = 7u; /* from the core's clock, with its interrupt */
static const uint32_t SYSTICK_CSR_COUNTFLAG = 1u << 16;
static const uint32_t SCB_ICSR_PENDSTCLR = 1u << 25;

enum { TICK_MS = 10 };

bool hal_uart_receive_within(uint8_t *byte, uint32_t milliseconds)
{
    bool received = hal_uart_has_byte();

    __asm__ volatile("cpsid i" : : : "memory");
    hal_uart_wakes(true);
    SYSTICK->RVR = hal_core_hz() / (1000u / TICK_MS) - 1u;
    SYSTICK->CVR = 0;
    SYSTICK->CSR = SYSTICK_CSR_ON;
    for (uint32_t passed = 0; !received && passed <= milliseconds; received = hal_uart_has_byte()) {
        __asm__ volatile("wfi" : : : "memory");
        passed += (SYSTICK->CSR & SYSTICK_CSR_COUNTFLAG) != 0 ? TICK_MS : 0;
        *SCB_ICSR = SCB_ICSR_PENDSTCLR;
    }
    SYSTICK->CSR = 0;
    *SCB_ICSR = SCB_ICSR_PENDSTCLR;
    hal_uart_wakes(false);
    __asm__ volatile("cpsie i" : : : "memory");
    if (received) {
        *byte = hal_uart_receive();
    }
    return received;
}
