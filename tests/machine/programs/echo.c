/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sends back every byte that it receives, one greater; between two bytes it polls. For the nRF's UART. */
#include "start.h"

VECTORS(unexpected, unexpected, unexpected)

#define UART_STARTRX REGISTER(0x40002000)
#define UART_RXDRDY REGISTER(0x40002108)
#define UART_RXD REGISTER(0x40002518)

void run(void)
{
    uart_open();
    UART_STARTRX = 1;
    for (;;) {
        while (UART_RXDRDY == 0) {
        }
        UART_RXDRDY = 0;
        uart_put((uint8_t)(UART_RXD + 1));
    }
}
