/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * STM32F103: clocks, USART1 on PA9/PA10, and the flash controller (FPEC). Registers after RM0008 and PM0075.
 *
 * 1. The flash gets its wait states before the clock is raised, and loses them after it is lowered.
 * 2. An operation is over when BSY is clear and EOP or an error is set. BSY alone would not do: it may not be visible
 *    yet in the cycle after STRT, and a poll that comes too early would take the erase for done.
 * 3. PG and PER are clear and the controller is locked on every way out.
 */
#include <stdbool.h>

#include "hal.h"

struct rcc {
    volatile uint32_t CR, CFGR, CIR, APB2RSTR, APB1RSTR, AHBENR, APB2ENR, APB1ENR, BDCR, CSR;
};
struct fpec {
    volatile uint32_t ACR, KEYR, OPTKEYR, SR, CR, AR, RESERVED, OBR, WRPR;
};
struct gpio {
    volatile uint32_t CRL, CRH, IDR, ODR, BSRR, BRR, LCKR;
};
struct usart {
    volatile uint32_t SR, DR, BRR, CR1, CR2, CR3, GTPR;
};

static struct rcc *const RCC = (struct rcc *)0x40021000u;
static struct fpec *const FLASH = (struct fpec *)0x40022000u;
static struct gpio *const GPIOA = (struct gpio *)0x40010800u;
static struct usart *const USART1 = (struct usart *)0x40013800u;
static volatile uint32_t *const SCB_VTOR = (volatile uint32_t *)0xE000ED08u;

static const uint32_t RCC_CR_PLLON = 1u << 24;
static const uint32_t RCC_CR_PLLRDY = 1u << 25;
static const uint32_t RCC_CFGR_SW = 3u;
static const uint32_t RCC_CFGR_SW_PLL = 2u;
static const uint32_t RCC_CFGR_SWS = 3u << 2;
static const uint32_t RCC_CFGR_SWS_PLL = 2u << 2;
static const uint32_t RCC_CFGR_PPRE1_HALF = 4u << 8;   /* APB1 may not exceed 36 MHz */
static const uint32_t RCC_CFGR_PLL_HSI_64 = 14u << 18; /* HSI / 2, times 16: 64 MHz */
static const uint32_t RCC_APB2ENR_IOPAEN = 1u << 2;
static const uint32_t RCC_APB2ENR_USART1EN = 1u << 14;

static const uint32_t FLASH_ACR_RESET = 0x30u; /* prefetch on, no wait state */
static const uint32_t FLASH_ACR_64_MHZ = 0x32u;
static const uint32_t FLASH_KEY1 = 0x45670123u;
static const uint32_t FLASH_KEY2 = 0xCDEF89ABu;
static const uint32_t FLASH_SR_BSY = 1u << 0;
static const uint32_t FLASH_SR_PGERR = 1u << 2;
static const uint32_t FLASH_SR_WRPRTERR = 1u << 4;
static const uint32_t FLASH_SR_EOP = 1u << 5;
static const uint32_t FLASH_CR_PG = 1u << 0;
static const uint32_t FLASH_CR_PER = 1u << 1;
static const uint32_t FLASH_CR_STRT = 1u << 6;
static const uint32_t FLASH_CR_LOCK = 1u << 7;

static const uint32_t USART_SR_RXNE = 1u << 5;
static const uint32_t USART_SR_TC = 1u << 6;
static const uint32_t USART_SR_TXE = 1u << 7;
static const uint32_t USART_CR1_RE = 1u << 2;
static const uint32_t USART_CR1_TE = 1u << 3;
static const uint32_t USART_CR1_UE = 1u << 13;
static const uint32_t USART_BRR_64_MHZ = 556u; /* 115,108 baud: 0.08 % low */
static const uint32_t USART_BRR_8_MHZ = 69u;   /* 115,942 baud: 0.6 % high */

static const uint32_t GPIOA_CRH_RESET = 0x44444444u;
static const uint32_t GPIOA_CRH_USART1 = 0x444444B4u; /* PA9: alternate push-pull, 50 MHz; PA10: floating input */

/* More polls than any wait takes: an erase takes 40 ms at most, which is 2.6 million cycles. */
static const uint32_t POLLS_MAX = 1000000u;

/* Wait until the bits under a mask have a value. */
static bool wait_for(const volatile uint32_t *status, uint32_t mask, uint32_t value)
{
    for (uint32_t polls = 0; polls < POLLS_MAX; polls++) {
        if ((*status & mask) == value) {
            return true;
        }
    }
    return false;
}

/* Run from the PLL. Without it the chip stays on its 8 MHz oscillator, and everything works more slowly. */
static bool clock_raise(void)
{
    FLASH->ACR = FLASH_ACR_64_MHZ;
    RCC->CFGR = RCC_CFGR_PLL_HSI_64 | RCC_CFGR_PPRE1_HALF;
    RCC->CR |= RCC_CR_PLLON;
    if (!wait_for(&RCC->CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY)) {
        return false;
    }
    RCC->CFGR = (RCC->CFGR & ~RCC_CFGR_SW) | RCC_CFGR_SW_PLL;
    return wait_for(&RCC->CFGR, RCC_CFGR_SWS, RCC_CFGR_SWS_PLL);
}

static void clock_restore(void)
{
    RCC->CFGR &= ~RCC_CFGR_SW;
    if (wait_for(&RCC->CFGR, RCC_CFGR_SWS, 0)) {
        RCC->CR &= ~RCC_CR_PLLON;
        (void)wait_for(&RCC->CR, RCC_CR_PLLRDY, 0);
        RCC->CFGR = 0;
        FLASH->ACR = FLASH_ACR_RESET;
    }
}

void hal_start(void)
{
    const bool fast = clock_raise();

    RCC->APB2ENR |= RCC_APB2ENR_IOPAEN | RCC_APB2ENR_USART1EN;
    GPIOA->CRH = GPIOA_CRH_USART1;
    USART1->BRR = fast ? USART_BRR_64_MHZ : USART_BRR_8_MHZ;
    USART1->CR1 = USART_CR1_UE | USART_CR1_TE | USART_CR1_RE;
}

const uint8_t *hal_flash_view(uint32_t address, uint32_t size_bytes)
{
    (void)size_bytes;
    return (const uint8_t *)address;
}

static enum result flash_unlock(void)
{
    if ((FLASH->CR & FLASH_CR_LOCK) != 0) {
        FLASH->KEYR = FLASH_KEY1;
        FLASH->KEYR = FLASH_KEY2;
    }
    if ((FLASH->CR & FLASH_CR_LOCK) != 0) {
        return RESULT_ERROR_LOCKED;
    }
    FLASH->SR = FLASH_SR_EOP | FLASH_SR_PGERR | FLASH_SR_WRPRTERR;
    return RESULT_OK;
}

static void flash_lock(void)
{
    FLASH->CR |= FLASH_CR_LOCK;
}

static enum result flash_wait(void)
{
    for (uint32_t polls = 0; polls < POLLS_MAX; polls++) {
        const uint32_t status = FLASH->SR;

        if ((status & FLASH_SR_BSY) != 0 || (status & (FLASH_SR_EOP | FLASH_SR_PGERR | FLASH_SR_WRPRTERR)) == 0) {
            continue;
        }
        FLASH->SR = FLASH_SR_EOP | FLASH_SR_PGERR | FLASH_SR_WRPRTERR;
        if ((status & FLASH_SR_WRPRTERR) != 0) {
            return RESULT_ERROR_PROTECTED;
        }
        return (status & FLASH_SR_PGERR) != 0 ? RESULT_ERROR_PROGRAM : RESULT_OK;
    }
    return RESULT_ERROR_TIMEOUT;
}

enum result hal_flash_erase(uint32_t page_address)
{
    const volatile uint32_t *words = (const volatile uint32_t *)page_address;
    enum result result = flash_unlock();

    if (result != RESULT_OK) {
        return result;
    }
    FLASH->CR |= FLASH_CR_PER;
    FLASH->AR = page_address;
    FLASH->CR |= FLASH_CR_STRT;
    result = flash_wait();
    FLASH->CR &= ~FLASH_CR_PER;
    flash_lock();
    for (uint32_t i = 0; result == RESULT_OK && i < PAGE_BYTES / 4u; i++) {
        if (words[i] != 0xFFFFFFFFu) {
            result = RESULT_ERROR_MISMATCH;
        }
    }
    return result;
}

enum result hal_flash_program(uint32_t address, const uint8_t *data, uint32_t size_bytes)
{
    volatile uint16_t *cells = (volatile uint16_t *)address;
    enum result result = flash_unlock();

    if (result != RESULT_OK) {
        return result;
    }
    FLASH->CR |= FLASH_CR_PG;
    for (uint32_t i = 0; result == RESULT_OK && i < size_bytes / 2u; i++) {
        const uint16_t half_word = (uint16_t)(data[2 * i] | (uint32_t)data[2 * i + 1] << 8);

        cells[i] = half_word;
        result = flash_wait();
        if (result == RESULT_OK && cells[i] != half_word) {
            result = RESULT_ERROR_MISMATCH;
        }
    }
    FLASH->CR &= ~FLASH_CR_PG;
    flash_lock();
    return result;
}

void hal_uart_send(uint8_t byte)
{
    /* A dead transmitter must not stop a boot: after the last poll the byte is sent into the void. */
    (void)wait_for(&USART1->SR, USART_SR_TXE, USART_SR_TXE);
    USART1->DR = byte;
}

uint8_t hal_uart_receive(void)
{
    while ((USART1->SR & USART_SR_RXNE) == 0) {
    }
    return (uint8_t)(USART1->DR & 0xFFu);
}

_Noreturn void hal_program_start(uint32_t vector_table_address)
{
    const volatile uint32_t *vectors = (const volatile uint32_t *)vector_table_address;
    const uint32_t stack = vectors[0];
    const uint32_t reset = vectors[1];

    (void)wait_for(&USART1->SR, USART_SR_TC, USART_SR_TC);
    USART1->CR1 = 0;
    GPIOA->CRH = GPIOA_CRH_RESET;
    RCC->APB2ENR &= ~(RCC_APB2ENR_IOPAEN | RCC_APB2ENR_USART1EN);
    clock_restore();
    *SCB_VTOR = vector_table_address;
    __asm__ volatile("dsb\n\tisb\n\tmsr msp, %0\n\tbx %1" : : "r"(stack), "r"(reset) : "memory");
    __builtin_unreachable();
}

_Noreturn void hal_sleep(void)
{
    for (;;) {
        __asm__ volatile("wfi");
    }
}
