/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What every test program shares: registers and a vector table. There is no initialised data and RAM is not cleared. */
#ifndef START_H
#define START_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define FLASH_KEYR REGISTER(0x40022004)
#define FLASH_SR REGISTER(0x4002200C)
#define FLASH_CR REGISTER(0x40022010)
#define FLASH_AR REGISTER(0x40022014)
#define RCC_APB2ENR REGISTER(0x40021018)
#define USART_SR REGISTER(0x40013800)
#define USART_DR REGISTER(0x40013804)
#define USART_BRR REGISTER(0x40013808)
#define USART_CR1 REGISTER(0x4001380C)
#define IWDG_KR REGISTER(0x40003000)
#define SYST_CSR REGISTER(0xE000E010)
#define SYST_RVR REGISTER(0xE000E014)
#define SYST_CVR REGISTER(0xE000E018)
#define SCB_ICSR REGISTER(0xE000ED04)

void run(void);

#if defined(NRF52840) || defined(NRF51822)

#define FLASH_START 0x00000000u
#ifdef NRF51822
#define STACK_TOP 0x20004000
#else
#define STACK_TOP 0x20010000
#endif
#define UART_ENABLE REGISTER(0x40002500)
#define UART_BAUDRATE REGISTER(0x40002524)
#define UART_STARTTX REGISTER(0x40002008)
#define UART_TXDRDY REGISTER(0x4000211C)
#define UART_TXD REGISTER(0x4000251C)

static inline void uart_open(void)
{
    UART_ENABLE = 4;
    UART_BAUDRATE = 0xFFFFFFFF; /* as fast as can be: these tests are not about the line */
    UART_STARTTX = 1;
}

static inline void uart_put(uint8_t byte)
{
    UART_TXDRDY = 0;
    UART_TXD = byte;
    while (UART_TXDRDY == 0) {
    }
}

#else

#define FLASH_START 0x08000000u
#define STACK_TOP 0x20005000

static inline void uart_open(void)
{
    RCC_APB2ENR |= 0x4000;
    USART_BRR = 1; /* as fast as can be: these tests are not about the line */
    USART_CR1 = 0x200C;
}

static inline void uart_put(uint8_t byte)
{
    while ((USART_SR & 0x80) == 0) {
    }
    USART_DR = byte;
}

#endif

static inline void sleep_for_ever(void)
{
    for (;;) {
        __asm volatile("wfi");
    }
}

static inline void unexpected(void)
{
    sleep_for_ever();
}

/* Defines the entry, and the vector table with handlers for three exceptions. */
#define VECTORS(on_svcall, on_pendsv, on_systick)                                                                        \
    void start(void)                                                                                                     \
    {                                                                                                                    \
        run();                                                                                                           \
        sleep_for_ever();                                                                                                \
    }                                                                                                                    \
    __attribute__((section(".vectors"), used)) static const uintptr_t vectors[16] = {                                    \
        STACK_TOP, (uintptr_t)start, 0, 0, 0, 0, 0, 0, 0, 0, 0, (uintptr_t)on_svcall, 0, 0, (uintptr_t)on_pendsv,       \
        (uintptr_t)on_systick,                                                                                           \
    };

#endif
