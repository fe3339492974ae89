/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* USART1 on PA9 at 115200 baud from the 8 MHz oscillator that runs after reset, and the page of marks. */
#include "fpec.h"
#include "steps.h"

struct gpio {
    volatile uint32_t CRL, CRH;
};
struct usart {
    volatile uint32_t SR, DR, BRR, CR1;
};

static struct gpio *const GPIOA = (struct gpio *)0x40010800u;
static volatile uint32_t *const RCC_APB2ENR = (volatile uint32_t *)0x40021018u;
static volatile uint32_t *const SCB_AIRCR = (volatile uint32_t *)0xE000ED0Cu;
static struct usart *const USART1 = (struct usart *)0x40013800u;

static const uint32_t APB2ENR_IOPAEN_USART1EN = 1u << 2 | 1u << 14;
static const uint32_t CRH_PA9_ALTERNATE = 0x444444B4u;
static const uint32_t USART_BRR_8_MHZ = 69u;
static const uint32_t USART_CR1_UE_TE = 1u << 13 | 1u << 3;
static const uint32_t USART_SR_TC = 1u << 6;
static const uint32_t USART_SR_TXE = 1u << 7;
static const uint32_t AIRCR_SYSRESETREQ = 0x05FA0004u;

static volatile uint16_t *const MARKS = (volatile uint16_t *)REGION_MARKS_ADDRESS;

void board_start(void)
{
    *RCC_APB2ENR |= APB2ENR_IOPAEN_USART1EN;
    GPIOA->CRH = CRH_PA9_ALTERNATE;
    USART1->BRR = USART_BRR_8_MHZ;
    USART1->CR1 = USART_CR1_UE_TE;
}

void board_send(uint8_t byte)
{
    while ((USART1->SR & USART_SR_TXE) == 0) {
    }
    USART1->DR = byte;
}


bool board_is_marked(uint32_t mark)
{
    return MARKS[mark] != 0xFFFFu;
}

void board_mark(uint32_t mark)
{
    fpec_program(&MARKS[mark], 0);
    fpec_clear();
    fpec_lock();
}

_Noreturn void board_reset(void)
{
    while ((USART1->SR & USART_SR_TC) == 0) {
    }
    *SCB_AIRCR = AIRCR_SYSRESETREQ;
    for (;;) {
        __asm__ volatile("");
    }
}
