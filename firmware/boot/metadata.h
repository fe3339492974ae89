/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The metadata pages of a device that installs whole images from its slot (SPEC sections 3 and 4).
 *
 * 1. Two pages hold the counter, two the journal.
 */
#ifndef BOOT_METADATA_H
#define BOOT_METADATA_H

#include "layout.h"

enum {
    LAYOUT_METADATA_PAGES = 4,
    LAYOUT_COUNTER_PAGE = 0, /* first of the two metadata pages of the counter */
    LAYOUT_JOURNAL_PAGE = 2  /* first of the two metadata pages of the journal */
};

_Static_assert(REGION_METADATA_BYTES == LAYOUT_METADATA_PAGES * LAYOUT_PAGE_BYTES, "two counter and two journal pages");
_Static_assert(REGION_SLOT_BYTES >= REGION_APPLICATION_BYTES, "the slot holds every image that the application region holds");
_Static_assert(REGION_APPLICATION_BYTES / LAYOUT_PAGE_BYTES + 28 <= LAYOUT_PAGE_BYTES / 8,
               "a journal page holds one record a page, and spare ones");

#endif
