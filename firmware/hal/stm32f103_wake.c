/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* STM32F103: what only applications need, sleep until a byte comes and the reset of the chip. Registers after RM0008 and PM0056. */
#include "hal.h"

struct usart {
    volatile uint32_t SR, DR, BRR, CR1;
};

static struct usart *const USART1 = (struct usart *)0x40013800u;
static volatile uint32_t *const RCC_CFGR = (volatile uint32_t *)0x40021004u;
static volatile uint32_t *const SCB_AIRCR = (volatile uint32_t *)0xE000ED0Cu;
static volatile uint32_t *const NVIC_ISER1 = (volatile uint32_t *)0xE000E104u;
static volatile uint32_t *const NVIC_ICER1 = (volatile uint32_t *)0xE000E184u;
static volatile uint32_t *const NVIC_ICPR1 = (volatile uint32_t *)0xE000E284u;

static const uint32_t USART_SR_RXNE = 1u << 5;
static const uint32_t USART_SR_TC = 1u << 6;
static const uint32_t USART_CR1_RXNEIE = 1u << 5;
static const uint32_t RCC_CFGR_SWS = 3u << 2;
static const uint32_t RCC_CFGR_SWS_PLL = 2u << 2;
static const uint32_t SCB_AIRCR_SYSRESETREQ = 0x05FA0004u;
static const uint32_t NVIC_USART1 = 1u << (37 - 32);

bool hal_uart_has_byte(void)
{
    return (USART1->SR & USART_SR_RXNE) != 0;
}

void hal_uart_wakes(bool on)
{
    if (on) {
        USART1->CR1 |= USART_CR1_RXNEIE;
        *NVIC_ISER1 = NVIC_USART1;
    } else {
        *NVIC_ICER1 = NVIC_USART1;
        USART1->CR1 &= ~USART_CR1_RXNEIE;
        *NVIC_ICPR1 = NVIC_USART1;
    }
}

uint32_t hal_core_hz(void)
{
    return (*RCC_CFGR & RCC_CFGR_SWS) == RCC_CFGR_SWS_PLL ? 64000000u : 8000000u;
}

_Noreturn void hal_reset(void)
{
    while ((USART1->SR & USART_SR_TC) == 0) {
    }
    *SCB_AIRCR = SCB_AIRCR_SYSRESETREQ;
    hal_sleep();
}
