/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fuzz.h"

uint8_t input_byte(struct input *input)
{
    if (input->left_bytes == 0) {
        return 0;
    }
    input->left_bytes--;
    return *input->data++;
}

uint32_t input_number(struct input *input)
{
    uint32_t number = 0;

    for (int i = 0; i < 4; i++) {
        number = number << 8 | input_byte(input);
    }
    return number;
}
