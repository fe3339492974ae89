/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The monotonic counter: two metadata pages full of places, each of two records (SPEC section 3).
 *
 * 1. A place is written in one go: the value, then the value again, its witness. A witness that is not blank proves that
 *    the value before it was written to its end: it reads the same in every boot, whatever was cut since.
 * 2. A place counts if its value is valid and its witness not blank. The counter is the greatest value of a place that
 *    counts, in both pages; 0 where there is none. It is confirmed if one of its places has a valid witness.
 *
 *        cut in            value     witness              counts    confirmed
 *        the value         torn [1]  blank                no        no
 *        the witness       whole     torn or valid [1]    yes [2]   now and then, until the next place is written
 *        nothing           whole     valid                yes       yes
 *
 *        [1] may read valid in one boot and torn in the next
 *        [2] not while the witness reads blank; then it never read valid either
 *
 * 3. Only a confirmed value may be relied on: an unconfirmed one is written again, to a new place, before it is.
 * 4. The page that holds the counter is never erased. Of equal values the one in the lower place holds it: it stands in
 *    the page that was moved to.
 * 5. A place is appended after the last used one of that page. If the page is full, the other page is erased, always,
 *    and the value becomes its first place.
 *
 *        moment               page A      page B                      counter     (pages of 32 places)
 *        before               1..32       old                         32
 *        erase of B is cut    1..32       old, erased or invalid      32
 *        program of B is cut  1..32       none, or 33 unconfirmed     32, or 33
 *        after                1..32       33                          33
 *
 * 6. So no cut lowers a counter that was relied on, and a page full of torn places moves like any other: no cut wedges it.
 */
#ifndef BOOT_COUNTER_H
#define BOOT_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

#include "result.h"

struct counter {
    uint64_t value;
    uint32_t page;  /* metadata page that holds it; the first counter page where no place counts */
    bool confirmed; /* a place with a valid witness holds the value; 0 needs none */
};

/* Read the counter from flash. */
struct counter counter_read(void);

/* Raise the counter to `value`, confirmed. Does nothing if it is there already. */
enum result counter_advance(struct counter *counter, uint64_t value);

#endif
