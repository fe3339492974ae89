/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Little-endian integers at any alignment. */
#ifndef BOOT_BYTES_H
#define BOOT_BYTES_H

#include <stdint.h>

static inline uint16_t load_u16(const uint8_t bytes[2])
{
    return (uint16_t)(bytes[0] | (uint32_t)bytes[1] << 8);
}

static inline uint32_t load_u32(const uint8_t bytes[4])
{
    return load_u16(bytes) | (uint32_t)load_u16(bytes + 2) << 16;
}

static inline uint64_t load_u64(const uint8_t bytes[8])
{
    return load_u32(bytes) | (uint64_t)load_u32(bytes + 4) << 32;
}

static inline void store_u16(uint8_t bytes[2], uint16_t value)
{
    bytes[0] = (uint8_t)(value & 0xFFu);
    bytes[1] = (uint8_t)(value >> 8);
}

static inline void store_u32(uint8_t bytes[4], uint32_t value)
{
    store_u16(bytes, (uint16_t)(value & 0xFFFFu));
    store_u16(bytes + 2, (uint16_t)(value >> 16));
}

static inline void store_u64(uint8_t bytes[8], uint64_t value)
{
    store_u32(bytes, (uint32_t)(value & 0xFFFFFFFFu));
    store_u32(bytes + 4, (uint32_t)(value >> 32));
}

#endif
