/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The sample application: says which version it is, then sleeps. */
#include "hal.h"

static void say(const char *text)
{
    for (; *text != '\0'; text++) {
        hal_uart_send((uint8_t)*text);
    }
}

static void say_number(uint64_t number)
{
    char digits[21];
    uint32_t at = sizeof digits - 1;

    digits[at] = '\0';
    do {
        at--;
        digits[at] = (char)('0' + (int)(number % 10u));
        number /= 10u;
    } while (number > 0);
    say(digits + at);
}

int main(void)
{
    hal_start();
    say("application ");
    say_number(APPLICATION_VERSION);
    say(" ready\r\n");
    hal_sleep();
}
