/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The four functions of string.h that a freestanding compiler may call, for toolchains without a C library. */
#ifndef HAL_FREESTANDING_STRING_H
#define HAL_FREESTANDING_STRING_H

#include <stddef.h>

void *memcpy(void *restrict target, const void *restrict source, size_t size_bytes);
void *memmove(void *target, const void *source, size_t size_bytes);
void *memset(void *target, int value, size_t size_bytes);
int memcmp(const void *one, const void *other, size_t size_bytes);

#endif
