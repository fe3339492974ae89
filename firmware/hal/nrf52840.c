/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* nRF52840: UART0 on P0.06 and P0.08, 64 MHz. Registers after the product specification (PS) v1.1. */
#include <stdint.h>

enum { PIN_TXD = 6, PIN_RXD = 8 }; /* as the nRF52840 DK wires them to its USB port */

static volatile uint32_t *const SCB_VTOR = (volatile uint32_t *)0xE000ED08u;

/* From here on exceptions go through the vector table of the program that starts. */
static void vector_table_select(uint32_t address)
{
    *SCB_VTOR = address;
}

#include "nrf.h"
