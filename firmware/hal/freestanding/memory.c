/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Keeps the compiler from turning a loop into a call of the very function that it is in. */
static inline void keep_loop(void)
{
    __asm__ volatile("");
}

void *memcpy(void *restrict target, const void *restrict source, size_t size_bytes)
{
    uint8_t *to = target;
    const uint8_t *from = source;

    for (size_t i = 0; i < size_bytes; i++) {
        to[i] = from[i];
        keep_loop();
    }
    return target;
}

void *memmove(void *target, const void *source, size_t size_bytes)
{
    uint8_t *to = target;
    const uint8_t *from = source;

    const bool forwards = (uintptr_t)to <= (uintptr_t)from;

    for (size_t i = 0; i < size_bytes; i++) {
        const size_t at = forwards ? i : size_bytes - 1 - i;

        to[at] = from[at];
        keep_loop();
    }
    return target;
}

void *memset(void *target, int value, size_t size_bytes)
{
    uint8_t *to = target;

    for (size_t i = 0; i < size_bytes; i++) {
        to[i] = (uint8_t)value;
        keep_loop();
    }
    return target;
}

int memcmp(const void *one, const void *other, size_t size_bytes)
{
    const uint8_t *left = one;
    const uint8_t *right = other;

    for (size_t i = 0; i < size_bytes; i++) {
        if (left[i] != right[i]) {
            return left[i] < right[i] ? -1 : 1;
        }
        keep_loop();
    }
    return 0;
}
