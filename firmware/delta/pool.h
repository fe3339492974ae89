/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The pool: a ring of metadata pages that serve as log and as scratch in turn, so that all wear alike (SPEC, "Pool and log").
 *
 * 1. Whoever needs a page takes the next one in the ring that nobody needs, and erases it, always.
 *
 *        cursor 1: page 1 was taken last       L = active log page, S = scratch in use
 *        pages    0  1  2  3  4  5  6
 *        before      L  S  o  o  o  o          page 3 comes next
 *        after       L  S  N  o  o  o          cursor 3
 *
 * 2. A log page begins with four bytes 0, its mark; a scratch page never does: a page whose first four bytes are 0 is kept with
 *    the first one inverted. Tears only add ones, so no interrupted program or erase makes a mark of anything else.
 */
#ifndef DELTA_POOL_H
#define DELTA_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "layout.h"

enum { POOL_PAGES = REGION_METADATA_BYTES / LAYOUT_PAGE_BYTES, POOL_MARK_BYTES = 4 };

_Static_assert(POOL_PAGES * LAYOUT_PAGE_BYTES == REGION_METADATA_BYTES, "whole pages");
_Static_assert(POOL_PAGES >= 4 && POOL_PAGES <= 32, "a log page, its successor, scratch, one to spare; and a bit for each");

/* The page to take after `cursor`, none of those whose bit is set in `kept`. At least one bit is clear. */
uint32_t pool_next(uint32_t cursor, uint32_t kept);

/* Whether four bytes, with which a page would begin, are the mark of a log page. */
bool pool_is_mark(const uint8_t bytes[POOL_MARK_BYTES]);

/* Whether a page of the pool is marked as a log page. */
bool pool_is_log(uint32_t page);

#endif
