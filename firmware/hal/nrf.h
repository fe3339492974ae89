/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The HAL of every nRF51 and nRF52: UART0 and the flash controller (NVMC) have the same registers on all of them. A chip's own file
 * names its pins, says how it takes another vector table, and includes this file, once in an image.
 *
 * 1. The core runs at its full speed from reset on, on its internal oscillator: no clock is raised, none is restored.
 * 2. Flash is written in aligned 32-bit words. Each word is written once between two erases; n_WRITE allows two (PS, NVMC).
 * 3. CONFIG allows one kind of operation, only while it is under way, and is read-only on every way out.
 * 4. The controller reports no errors: an operation that it ignored shows only when the flash is read back.
 */
#ifndef HAL_NRF_H
#define HAL_NRF_H

#include <stdbool.h>
#include <stddef.h>

#include "bytes.h"
#include "hal.h"

struct uart {
    volatile uint32_t TASKS_STARTRX, TASKS_STOPRX, TASKS_STARTTX, TASKS_STOPTX;
    uint32_t RESERVED_010[62];
    volatile uint32_t EVENTS_RXDRDY;
    uint32_t RESERVED_10C[4];
    volatile uint32_t EVENTS_TXDRDY;
    uint32_t RESERVED_120[248];
    volatile uint32_t ENABLE;
    uint32_t RESERVED_504[1];
    volatile uint32_t PSEL_RTS, PSEL_TXD, PSEL_CTS, PSEL_RXD, RXD, TXD;
    uint32_t RESERVED_520[1];
    volatile uint32_t BAUDRATE;
    uint32_t RESERVED_528[17];
    volatile uint32_t CONFIG;
};
struct gpio {
    uint32_t RESERVED_000[321];
    volatile uint32_t OUT, OUTSET, OUTCLR, IN, DIR, DIRSET, DIRCLR;
    uint32_t RESERVED_520[120];
    volatile uint32_t PIN_CNF[32];
};
struct nvmc {
    uint32_t RESERVED_000[256];
    volatile uint32_t READY;
    uint32_t RESERVED_404[64];
    volatile uint32_t CONFIG, ERASEPAGE, ERASEALL;
};

_Static_assert(offsetof(struct uart, EVENTS_RXDRDY) == 0x108 && offsetof(struct uart, EVENTS_TXDRDY) == 0x11C, "PS, UART: registers");
_Static_assert(offsetof(struct uart, ENABLE) == 0x500 && offsetof(struct uart, TXD) == 0x51C, "PS, UART: registers");
_Static_assert(offsetof(struct uart, BAUDRATE) == 0x524 && offsetof(struct uart, CONFIG) == 0x56C, "PS, UART: registers");
_Static_assert(offsetof(struct gpio, OUTSET) == 0x508 && offsetof(struct gpio, PIN_CNF) == 0x700, "PS, GPIO: registers");
_Static_assert(offsetof(struct nvmc, READY) == 0x400 && offsetof(struct nvmc, CONFIG) == 0x504, "PS, NVMC: registers");

static struct uart *const UART0 = (struct uart *)0x40002000u;
static struct nvmc *const NVMC = (struct nvmc *)0x4001E000u;
static struct gpio *const P0 = (struct gpio *)0x50000000u;

static const uint32_t PIN_CNF_RESET = 2u; /* input, its buffer disconnected */
static const uint32_t PIN_CNF_OUTPUT = 3u;
static const uint32_t PIN_CNF_INPUT_PULL_UP = 3u << 2;

static const uint32_t UART_ENABLE = 4u;
static const uint32_t UART_PIN_NONE = 0xFFFFFFFFu;
static const uint32_t UART_BAUDRATE_115200 = 0x01D7E000u;
static const uint32_t UART_CONFIG_8N1 = 0;

static const uint32_t NVMC_READY = 1u;
static const uint32_t NVMC_CONFIG_READ = 0;
static const uint32_t NVMC_CONFIG_WRITE = 1u;
static const uint32_t NVMC_CONFIG_ERASE = 2u;

/*
 * More polls than any wait takes: an erase takes 92.4 ms at most (nRF52840), which is 5.9 million cycles. Code in flash makes one
 * poll only, since the core halts until the flash can be read again.
 */
static const uint32_t POLLS_MAX = 2000000u;

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

void hal_start(void)
{
    P0->OUTSET = 1u << PIN_TXD; /* the line idles high, before the UART has it too */
    P0->PIN_CNF[PIN_TXD] = PIN_CNF_OUTPUT;
    P0->PIN_CNF[PIN_RXD] = PIN_CNF_INPUT_PULL_UP;
    UART0->PSEL_TXD = PIN_TXD;
    UART0->PSEL_RXD = PIN_RXD;
    UART0->BAUDRATE = UART_BAUDRATE_115200;
    UART0->CONFIG = UART_CONFIG_8N1;
    UART0->ENABLE = UART_ENABLE;
    UART0->EVENTS_RXDRDY = 0;
    UART0->TASKS_STARTTX = 1;
    UART0->TASKS_STARTRX = 1;
}

const uint8_t *hal_flash_view(uint32_t address, uint32_t size_bytes)
{
    (void)size_bytes;
    return (const uint8_t *)address;
}

/* Wait for the controller. The barrier keeps the poll behind the store to flash: the two are memory of different types. */
static enum result flash_wait(void)
{
    __asm__ volatile("dmb" : : : "memory");
    return wait_for(&NVMC->READY, NVMC_READY, NVMC_READY) ? RESULT_OK : RESULT_ERROR_TIMEOUT;
}

static enum result flash_open(uint32_t mode)
{
    enum result result = flash_wait();

    if (result == RESULT_OK) {
        NVMC->CONFIG = mode;
        result = NVMC->CONFIG == mode ? RESULT_OK : RESULT_ERROR_LOCKED;
    }
    return result;
}

static void flash_close(void)
{
    NVMC->CONFIG = NVMC_CONFIG_READ;
    __asm__ volatile("dsb\n\tisb" : : : "memory");
}

enum result hal_flash_erase(uint32_t page_address)
{
    const volatile uint32_t *words = (const volatile uint32_t *)page_address;
    enum result result = flash_open(NVMC_CONFIG_ERASE);

    if (result == RESULT_OK) {
        NVMC->ERASEPAGE = page_address;
        result = flash_wait();
    }
    flash_close();
    for (uint32_t i = 0; result == RESULT_OK && i < PAGE_BYTES / 4u; i++) {
        if (words[i] != 0xFFFFFFFFu) {
            result = RESULT_ERROR_MISMATCH;
        }
    }
    return result;
}

enum result hal_flash_program(uint32_t address, const uint8_t *data, uint32_t size_bytes)
{
    volatile uint32_t *cells = (volatile uint32_t *)address;
    enum result result = flash_open(NVMC_CONFIG_WRITE);

    for (uint32_t i = 0; result == RESULT_OK && i < size_bytes / 4u; i++) {
        const uint32_t word = load_u32(data + 4 * i);

        cells[i] = word;
        result = flash_wait();
        if (result == RESULT_OK && cells[i] != word) {
            result = RESULT_ERROR_MISMATCH;
        }
    }
    flash_close();
    return result;
}

void hal_uart_send(uint8_t byte)
{
    UART0->EVENTS_TXDRDY = 0;
    UART0->TXD = byte;
    /* A dead transmitter must not stop a boot: after the last poll the byte counts as sent. */
    (void)wait_for(&UART0->EVENTS_TXDRDY, 1u, 1u);
}

uint8_t hal_uart_receive(void)
{
    while (UART0->EVENTS_RXDRDY == 0) {
    }
    UART0->EVENTS_RXDRDY = 0;
    return (uint8_t)(UART0->RXD & 0xFFu);
}

_Noreturn void hal_program_start(uint32_t vector_table_address)
{
    const volatile uint32_t *vectors = (const volatile uint32_t *)vector_table_address;
    const uint32_t stack = vectors[0];
    const uint32_t reset = vectors[1];

    UART0->TASKS_STOPRX = 1;
    UART0->TASKS_STOPTX = 1;
    UART0->ENABLE = 0;
    UART0->PSEL_TXD = UART_PIN_NONE;
    UART0->PSEL_RXD = UART_PIN_NONE;
    P0->PIN_CNF[PIN_TXD] = PIN_CNF_RESET;
    P0->PIN_CNF[PIN_RXD] = PIN_CNF_RESET;
    P0->OUTCLR = 1u << PIN_TXD;
    vector_table_select(vector_table_address);
    __asm__ volatile("dsb\n\tisb\n\tmsr msp, %0\n\tbx %1" : : "r"(stack), "r"(reset) : "memory");
    __builtin_unreachable();
}

_Noreturn void hal_sleep(void)
{
    for (;;) {
        __asm__ volatile("wfi");
    }
}

#endif
