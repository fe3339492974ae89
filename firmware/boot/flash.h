/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Flash by region and page.
 *
 * 1. Nothing outside the application and metadata regions is erased or programmed, whatever the caller asks for.
 * 2. A read never leaves its region.
 */
#ifndef BOOT_FLASH_H
#define BOOT_FLASH_H

#include <stdbool.h>
#include <stdint.h>

#include "layout.h"
#include "result.h"

/* The bytes at `offset` of a region, for reading; NULL if the range leaves the region. */
const uint8_t *flash_view(const struct region *region, uint32_t offset, uint32_t size_bytes);

/* Whether every byte of the range is erased. A range outside the region is not. */
bool flash_is_blank(const struct region *region, uint32_t offset, uint32_t size_bytes);

/* Erase page `page` of a region. */
enum result flash_erase_page(const struct region *region, uint32_t page);

/* Program `size_bytes` bytes at `offset` of a region; both are multiples of PROGRAM_BYTES. */
enum result flash_program(const struct region *region, uint32_t offset, const uint8_t *data, uint32_t size_bytes);

#endif
