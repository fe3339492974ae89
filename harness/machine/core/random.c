/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "random.h"

#include <string.h>

void random_fill(uint64_t *state, uint8_t *buffer, size_t size_bytes)
{
    for (size_t offset = 0; offset + sizeof(uint64_t) <= size_bytes; offset += sizeof(uint64_t)) {
        uint64_t value = random_next(state);

        memcpy(buffer + offset, &value, sizeof(value));
    }
}
