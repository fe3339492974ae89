/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "crc16.h"

static const uint32_t POLYNOMIAL = 0x1021u;

uint16_t crc16_of(const uint8_t *data, uint32_t size_bytes)
{
    uint32_t crc = 0;

    for (uint32_t i = 0; i < size_bytes; i++) {
        crc ^= (uint32_t)data[i] << 8;
        for (uint32_t bit = 0; bit < 8; bit++) {
            crc = (crc & 0x8000u) != 0 ? crc << 1 ^ POLYNOMIAL : crc << 1;
        }
    }
    return (uint16_t)(crc & 0xFFFFu);
}
