/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* UART0 at 115200 baud, on the pin that the board wires to its USB port, and the page of marks. */
#include "nvmc.h"
#include "pins.h"
#include "steps.h"

static volatile uint32_t *const UART_STARTTX = (volatile uint32_t *)0x40002008u;
static volatile uint32_t *const UART_TXDRDY = (volatile uint32_t *)0x4000211Cu;
static volatile uint32_t *const UART_ENABLE = (volatile uint32_t *)0x40002500u;
static volatile uint32_t *const UART_PSELTXD = (volatile uint32_t *)0x4000250Cu;
static volatile uint32_t *const UART_TXD = (volatile uint32_t *)0x4000251Cu;
static volatile uint32_t *const UART_BAUDRATE = (volatile uint32_t *)0x40002524u;
static volatile uint32_t *const P0_OUTSET = (volatile uint32_t *)0x50000508u;
static volatile uint32_t *const P0_DIRSET = (volatile uint32_t *)0x50000518u;
static volatile uint32_t *const SCB_AIRCR = (volatile uint32_t *)0xE000ED0Cu;
static volatile uint32_t *const MARKS = (volatile uint32_t *)REGION_MARKS_ADDRESS;

static const uint32_t UART_ENABLED = 4;
static const uint32_t BAUDRATE_115200 = 0x01D7E000u;
static const uint32_t AIRCR_SYSRESETREQ = 0x05FA0004u;

void board_start(void)
{
    *P0_OUTSET = 1u << PIN_TXD;
    *P0_DIRSET = 1u << PIN_TXD;
    *UART_PSELTXD = PIN_TXD;
    *UART_BAUDRATE = BAUDRATE_115200;
    *UART_ENABLE = UART_ENABLED;
    *UART_STARTTX = 1;
}

/* The event comes when the byte is out: nothing is left to wait for before a reset. */
void board_send(uint8_t byte)
{
    *UART_TXDRDY = 0;
    *UART_TXD = byte;
    while (*UART_TXDRDY == 0) {
    }
}

bool board_is_marked(uint32_t mark)
{
    return MARKS[mark] != 0xFFFFFFFFu;
}

void board_mark(uint32_t mark)
{
    nvmc_program(&MARKS[mark], 0);
}

_Noreturn void board_reset(void)
{
    *SCB_AIRCR = AIRCR_SYSRESETREQ;
    for (;;) {
        __asm__ volatile("");
    }
}
