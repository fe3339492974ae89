/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The flash array: the bytes that Unicorn executes from, mapped at the main and at the alias address. */
#ifndef FLASH_H
#define FLASH_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

struct flash {
    uint8_t *cells;
};

/* Make the array equal to `image`, touching only the pages that differ. */
void flash_restore(struct machine *m, const uint8_t *image);

/* Offset of `address` in the array, whichever range it is in. Returns false outside the array. */
bool flash_locate(const struct machine *m, uint32_t address, uint32_t *offset);

/* Current value of the half-word at `offset`. */
uint16_t flash_read(const struct machine *m, uint32_t offset);

/* Set the half-word at `offset`. */
void flash_write(struct machine *m, uint32_t offset, uint16_t value);

/* Set `size_bytes` inside one page. */
void flash_replace(struct machine *m, uint32_t offset, const uint8_t *content, uint32_t size_bytes);

/* Set a range of whole pages to the erased state. */
void flash_erase(struct machine *m, uint32_t offset, uint32_t size_bytes);

#endif
