/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "console.h"

#include "hal.h"

void console_text(const char *text)
{
    for (; *text != '\0'; text++) {
        hal_uart_send((uint8_t)*text);
    }
}

static void console_number(int number)
{
    const unsigned int magnitude = number < 0 ? 0u - (unsigned int)number : (unsigned int)number;

    if (number < 0) {
        hal_uart_send('-');
    }
    if (magnitude >= 10u) {
        hal_uart_send((uint8_t)('0' + magnitude / 10u % 10u));
    }
    hal_uart_send((uint8_t)('0' + magnitude % 10u));
}

void console_problem(const char *where, enum result result)
{
    if (result == RESULT_OK) {
        return;
    }
    console_text(where);
    console_text(": ");
    console_text(result_word(result));
    console_text(" (");
    console_number((int)result);
    console_text(")\r\n");
}
