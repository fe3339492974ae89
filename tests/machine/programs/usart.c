/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* USART1 by interrupt: sends a text, sleeps, echoes what the host sends; and NMI, which nothing masks. */
#include "start.h"

#define NVIC_ISER1 REGISTER(0xE000E104)
#define NVIC_ICPR1 REGISTER(0xE000E284)
#define SCB_SCR REGISTER(0xE000ED10)
#define IRQ_USART1 37
#define ENABLE 0x200Cu
#define RXNEIE 0x20u
#define TCIE 0x40u
#define TXEIE 0x80u
#define RXNE 0x20u
#define TC 0x40u
#define TXE 0x80u
#define NMIPENDSET 0x80000000u
#define PENDSVSET 0x10000000u
#define ECHO_BYTES 3

static const char *volatile text;
static volatile uint32_t received;
static volatile uint32_t completed;
static volatile uint32_t non_maskable;
static volatile uint32_t inside;

static void on_usart(void)
{
    uint32_t status = USART_SR;

    if ((status & RXNE) != 0 && (USART_CR1 & RXNEIE) != 0) {
        uint8_t byte = (uint8_t)USART_DR;

        received++;
        USART_DR = byte;
    } else if ((status & TXE) != 0 && (USART_CR1 & TXEIE) != 0) {
        const char *next = text;

        USART_DR = (uint8_t)*next++;
        text = next;
        if (*next == '\0') {
            USART_CR1 = ENABLE | TCIE;
        }
    } else if ((status & TC) != 0 && (USART_CR1 & TCIE) != 0) {
        completed++;
        USART_SR = ~TC;
    }
}

static void on_nmi(void)
{
    non_maskable++;
    if (non_maskable == 1) {
        SCB_ICSR = NMIPENDSET; /* waits for the end of this handler */
        __asm volatile("dsb\n isb\n nop");
        inside = non_maskable == 1 && (SCB_ICSR & NMIPENDSET) != 0 && (SCB_ICSR & 0x1FFu) == 2;
    }
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
    [2] = (uintptr_t)on_nmi,
    [16 + IRQ_USART1] = (uintptr_t)on_usart,
};

void run(void)
{
    received = completed = non_maskable = inside = 0;
    RCC_APB2ENR |= 0x4000;
    USART_BRR = 69;
    NVIC_ISER1 = 1u << (IRQ_USART1 - 32);
    text = "hello, ";
    USART_CR1 = ENABLE | TXEIE;
    while (completed == 0) {
        __asm volatile("wfi");
    }
    USART_CR1 = ENABLE | RXNEIE;
    while (received < ECHO_BYTES) {
        __asm volatile("wfi");
    }
    USART_CR1 = ENABLE;
    __asm volatile("cpsid f");
    SCB_ICSR = NMIPENDSET;
    __asm volatile("dsb\n isb\n nop");
    __asm volatile("cpsie f");
    uart_put(non_maskable == 2 && inside && completed == 1 ? 'N' : '!');
}
