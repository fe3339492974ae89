/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CRC-16/XMODEM: polynomial 0x1021, from 0, most significant bit first. */
#ifndef DOWNLOAD_CRC16_H
#define DOWNLOAD_CRC16_H

#include <stdint.h>

uint16_t crc16_of(const uint8_t *data, uint32_t size_bytes);

#endif
