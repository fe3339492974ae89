/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The monotonic counter: two metadata pages full of records (SPEC section 3).
 *
 * 1. The counter is the greatest valid record of both pages; 0 where there is none.
 * 2. The page that holds the greatest value is never erased.
 * 3. A value is appended after the last used record of that page. If the page is full, the other page is erased, always,
 *    and the value becomes its first record.
 *
 *        moment               page A      page B                      counter     (pages of 64 records)
 *        before               1..64       old                         64
 *        erase of B is cut    1..64       old, erased or invalid      64
 *        program of B is cut  1..64       invalid                     64
 *        after                1..64       65                          65
 *
 * 4. So no cut lowers the counter, and a page full of torn records rotates like any other: no cut wedges it.
 */
#ifndef BOOT_COUNTER_H
#define BOOT_COUNTER_H

#include <stdint.h>

#include "result.h"

struct counter {
    uint64_t value;
    uint32_t page; /* metadata page that holds it; the first counter page when there is no valid record */
};

/* Read the counter from flash. */
struct counter counter_read(void);

/* Raise the counter to `value`. Does nothing if it is there already. */
enum result counter_advance(struct counter *counter, uint64_t value);

#endif
