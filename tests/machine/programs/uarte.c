/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* UARTE by interrupt: sleeps until four bytes came by EasyDMA, sends them back in one go, and sleeps again. */
#include "start.h"

#define NVIC_ISER0 REGISTER(0xE000E100)
#define IRQ_UARTE0 2
#define UARTE_STARTRX REGISTER(0x40002000)
#define UARTE_ENDRX REGISTER(0x40002110)
#define UARTE_INTENSET REGISTER(0x40002304)
#define UARTE_RXD_PTR REGISTER(0x40002534)
#define UARTE_RXD_MAXCNT REGISTER(0x40002538)
#define UARTE_TXD_PTR REGISTER(0x40002544)
#define UARTE_TXD_MAXCNT REGISTER(0x40002548)
#define ENABLE_UARTE 8u
#define ENDRX (1u << 4)
#define BYTES 4

static volatile uint8_t bytes[BYTES];

static void on_uarte(void)
{
    UARTE_ENDRX = 0;
    UART_STARTTX = 1;
    UARTE_STARTRX = 1;
}

void run(void);

void start(void)
{
    run();
    sleep_for_ever();
}

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[64] = {
    [0] = STACK_TOP,
    [1] = (uintptr_t)start,
    [16 + IRQ_UARTE0] = (uintptr_t)on_uarte,
};

void run(void)
{
    UART_BAUDRATE = 0x01D60000; /* 115,200 */
    UART_ENABLE = ENABLE_UARTE;
    UARTE_RXD_PTR = UARTE_TXD_PTR = (uintptr_t)bytes;
    UARTE_RXD_MAXCNT = UARTE_TXD_MAXCNT = BYTES;
    UARTE_INTENSET = ENDRX;
    NVIC_ISER0 = 1u << IRQ_UARTE0;
    UARTE_STARTRX = 1;
}
