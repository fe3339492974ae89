/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* nRF51822: UART0 on P0.24 and P0.25, 16 MHz. Registers after the reference manual (RM) v3.0 and the product specification (PS) v3.1. */
#include <stdint.h>

enum { PIN_TXD = 24, PIN_RXD = 25 }; /* as the micro:bit wires them to its USB port */

/* The Cortex-M0 has no VTOR: exceptions go through the bootloader's vector table for ever. Nothing here is interrupt-driven. */
static void vector_table_select(uint32_t address)
{
    (void)address;
}

#include "nrf.h"
