/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The comparisons of the security guide, in C: with an early return, without one, and a check written three times.
 * Inputs: words 8..11 what was entered, words 16..19 what is right. Marks stand before, between and after them.
 */
#include <stdbool.h>

#include "figure.h"
#include "hal.h"

enum { SECRET_BYTES = 16, AT_ENTERED = 8, AT_CORRECT = 16 };

__attribute__((noinline)) static bool password_verify(const uint8_t *entered, const uint8_t *correct)
{
    for (uint32_t i = 0; i < SECRET_BYTES; i++) {
        if (entered[i] != correct[i]) {
            return false;
        }
    }
    return true;
}

__attribute__((noinline)) static bool password_verify_secure(const uint8_t *entered, const uint8_t *correct)
{
    uint32_t difference = 0;

    for (uint32_t i = 0; i < SECRET_BYTES; i++) {
        difference |= (uint32_t)(entered[i] ^ correct[i]);
    }
    return difference == 0;
}

__attribute__((noinline)) static bool pin_verify(uint32_t entered, uint32_t correct)
{
    return entered == correct;
}

__attribute__((noinline)) static bool pin_verify_secure(uint32_t entered, uint32_t correct)
{
    const bool check1 = entered == correct;
    const bool check2 = entered == correct;
    const bool check3 = entered == correct;

    return check1 && check2 && check3;
}

int main(void)
{
    const uint8_t *entered = figure_input_bytes(AT_ENTERED);
    const uint8_t *correct = figure_input_bytes(AT_CORRECT);
    const uint32_t entered_pin = figure_input(AT_ENTERED);
    const uint32_t correct_pin = figure_input(AT_CORRECT);

    hal_start();
    figure_mark(1);
    figure_mark(password_verify(entered, correct));
    figure_mark(password_verify_secure(entered, correct));
    figure_mark(pin_verify(entered_pin, correct_pin));
    figure_mark(pin_verify_secure(entered_pin, correct_pin));
    hal_sleep();
}
