/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef RANDOM_H
#define RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Next number of the SplitMix64 sequence (Steele, Lea, Flood 2014) that `state` holds. */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* Fill `size_bytes` (a multiple of 8) from the sequence. */
void random_fill(uint64_t *state, uint8_t *buffer, size_t size_bytes);

#endif
