/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Where things are in flash (SPEC section 2). The build gives the numbers as macros, from the profile.
 *
 * 1. Every region starts and ends on a page boundary and none overlaps another.
 * 2. The bootloader writes two regions only: the application and the metadata.
 */
#ifndef BOOT_LAYOUT_H
#define BOOT_LAYOUT_H

#include <stdint.h>

/* A range of whole flash pages. */
struct region {
    uint32_t address;
    uint32_t size_bytes;
};

static const struct region LAYOUT_IDENTITY = {REGION_IDENTITY_ADDRESS, REGION_IDENTITY_BYTES};
static const struct region LAYOUT_APPLICATION = {REGION_APPLICATION_ADDRESS, REGION_APPLICATION_BYTES};
static const struct region LAYOUT_SLOT = {REGION_SLOT_ADDRESS, REGION_SLOT_BYTES};
static const struct region LAYOUT_METADATA = {REGION_METADATA_ADDRESS, REGION_METADATA_BYTES};

enum {
    LAYOUT_PAGE_BYTES = PAGE_BYTES,
    LAYOUT_PROGRAM_BYTES = PROGRAM_BYTES, /* what the flash programs at a time */
    LAYOUT_VECTOR_ALIGN_BYTES = 512
};

_Static_assert(LAYOUT_PROGRAM_BYTES == 2 || LAYOUT_PROGRAM_BYTES == 4, "every record is a whole number of half-words and of words");
_Static_assert(REGION_IDENTITY_BYTES == LAYOUT_PAGE_BYTES, "the identity is one page");
_Static_assert(REGION_BOOTLOADER_ADDRESS % LAYOUT_PAGE_BYTES == 0, "whole pages");
_Static_assert(REGION_APPLICATION_ADDRESS % LAYOUT_VECTOR_ALIGN_BYTES == 0, "SPEC section 2 places the vector table");
_Static_assert(REGION_APPLICATION_ADDRESS % LAYOUT_PAGE_BYTES == 0, "whole pages");
_Static_assert(REGION_APPLICATION_BYTES % LAYOUT_PAGE_BYTES == 0, "whole pages");
_Static_assert(REGION_METADATA_ADDRESS % LAYOUT_PAGE_BYTES == 0, "whole pages");
_Static_assert(REGION_METADATA_BYTES % LAYOUT_PAGE_BYTES == 0, "whole pages");
_Static_assert(REGION_SLOT_ADDRESS % LAYOUT_PAGE_BYTES == 0, "whole pages");
_Static_assert(REGION_BOOTLOADER_ADDRESS + REGION_BOOTLOADER_BYTES <= REGION_IDENTITY_ADDRESS, "no overlap");
_Static_assert(REGION_IDENTITY_ADDRESS + REGION_IDENTITY_BYTES <= REGION_APPLICATION_ADDRESS, "no overlap");
_Static_assert(REGION_APPLICATION_ADDRESS + REGION_APPLICATION_BYTES <= REGION_SLOT_ADDRESS, "no overlap");
_Static_assert(REGION_SLOT_ADDRESS + REGION_SLOT_BYTES <= REGION_METADATA_ADDRESS, "no overlap");

#endif
