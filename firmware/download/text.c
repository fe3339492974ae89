/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "text.h"

#include "hal.h"

void text_send(const char *text)
{
    for (; *text != '\0'; text++) {
        hal_uart_send((uint8_t)*text);
    }
}

void text_send_number(uint64_t number)
{
    char digits[21];
    uint32_t at = sizeof digits - 1;

    digits[at] = '\0';
    do {
        at--;
        digits[at] = (char)('0' + (int)(number % 10u));
        number /= 10u;
    } while (number > 0);
    text_send(digits + at);
}

bool text_is(const char *text, const char *other)
{
    while (*text != '\0' && *text == *other) {
        text++;
        other++;
    }
    return *text == *other;
}

void text_end(void)
{
    text_send("\r\n");
}
