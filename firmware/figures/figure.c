/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "figure.h"

#include "hal.h"

static uint32_t next_mark_address = REGION_MARKS_ADDRESS;

uint32_t figure_input(uint32_t index)
{
    return ((const volatile uint32_t *)REGION_INPUTS_ADDRESS)[index];
}

const uint8_t *figure_input_bytes(uint32_t index)
{
    return hal_flash_view(REGION_INPUTS_ADDRESS + 4u * index, REGION_INPUTS_BYTES - 4u * index);
}

void figure_mark(uint16_t value)
{
    const uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};

    if (hal_flash_program(next_mark_address, bytes, sizeof bytes) == RESULT_OK) {
        next_mark_address += sizeof bytes;
    }
}

void figure_send(uint32_t word)
{
    for (uint32_t i = 0; i < 4; i++) {
        hal_uart_send((uint8_t)(word >> (8 * i)));
    }
}
