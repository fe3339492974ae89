/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CRC-32 of IEEE 802.3, as zlib computes it. It finds accidents, never an attacker. */
#ifndef BOOT_CRC32_H
#define BOOT_CRC32_H

#include <stdint.h>

uint32_t crc32_of(const uint8_t *data, uint32_t size_bytes);

#endif
