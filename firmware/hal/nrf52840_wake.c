/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* nRF52840: what only applications need, sleep until a byte comes and the reset of the chip. Registers after the PS v1.1. */
#include "hal.h"

static volatile uint32_t *const UART0_EVENTS_RXDRDY = (volatile uint32_t *)0x40002108u;
static volatile uint32_t *const UART0_INTENSET = (volatile uint32_t *)0x40002304u;
static volatile uint32_t *const UART0_INTENCLR = (volatile uint32_t *)0x40002308u;
static volatile uint32_t *const SCB_AIRCR = (volatile uint32_t *)0xE000ED0Cu;
static volatile uint32_t *const NVIC_ISER0 = (volatile uint32_t *)0xE000E100u;
static volatile uint32_t *const NVIC_ICER0 = (volatile uint32_t *)0xE000E180u;
static volatile uint32_t *const NVIC_ICPR0 = (volatile uint32_t *)0xE000E280u;

static const uint32_t UART0_INT_RXDRDY = 1u << 2;
static const uint32_t SCB_AIRCR_SYSRESETREQ = 0x05FA0004u;
static const uint32_t NVIC_UART0 = 1u << 2;

bool hal_uart_has_byte(void)
{
    return *UART0_EVENTS_RXDRDY != 0;
}

void hal_uart_wakes(bool on)
{
    if (on) {
        *UART0_INTENSET = UART0_INT_RXDRDY;
        *NVIC_ISER0 = NVIC_UART0;
    } else {
        *NVIC_ICER0 = NVIC_UART0;
        *UART0_INTENCLR = UART0_INT_RXDRDY;
        *NVIC_ICPR0 = NVIC_UART0;
    }
}

uint32_t hal_core_hz(void)
{
    return 64000000u;
}

/* hal_uart_send waits until the byte is out, so nothing is left to wait for. */
_Noreturn void hal_reset(void)
{
    *SCB_AIRCR = SCB_AIRCR_SYSRESETREQ;
    hal_sleep();
}
