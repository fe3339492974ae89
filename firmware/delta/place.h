/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A place of the log: a guard of four bytes 0, a kind and a value, their complement, and a witness of eight bytes 0 (SPEC, "Pool
 * and log").
 *
 * 1. They are programmed in this order, in one go, into a place that reads blank. It may read blank though a cut left cells of its
 *    guard half way: whatever is written over them, the guard drives them all to 0.
 * 2. A value that equals its complement's complement is valid. A torn one has two ones for at least one bit: never valid.
 * 3. The witness is begun when the value is finished. So a witness that is not blank proves that its value reads the same in
 *    every boot: the place counts.
 * 4. A witness has at least two program units. If all of it ever reads 0, its first unit is finished: it never reads blank
 *    again. So a place that was confirmed in one boot counts in every later one, though it may be unconfirmed there.
 *
 *        cut in              value            witness             state
 *        the guard           blank            blank               PLACE_BLANK or PLACE_INVALID [1]
 *        the value           invalid [1]      blank               PLACE_INVALID, or PLACE_UNWITNESSED [1]
 *        witness, 1st unit   valid            blank or torn [1]   PLACE_UNWITNESSED or PLACE_COUNTS [1]
 *        witness, later      valid            torn or 0 [1]       PLACE_COUNTS or PLACE_CONFIRMED [1]
 *        nothing             valid            0                   PLACE_CONFIRMED
 *
 *        [1] may read this way in one boot and that way in the next
 */
#ifndef DELTA_PLACE_H
#define DELTA_PLACE_H

#include <stdint.h>

#include "layout.h"
#include "result.h"

enum {
    PLACE_GUARD_BYTES = 4,
    PLACE_PAYLOAD_BYTES = 8, /* kind in 16 bits, value in 48 */
    PLACE_WITNESS_BYTES = 8,
    PLACE_BYTES = PLACE_GUARD_BYTES + 2 * PLACE_PAYLOAD_BYTES + PLACE_WITNESS_BYTES
};

_Static_assert(PLACE_WITNESS_BYTES >= 2 * LAYOUT_PROGRAM_BYTES, "step 4");

#define PLACE_VALUE_END (1ull << 48)

/* In the order of what they prove. */
enum place_state { PLACE_BLANK, PLACE_INVALID, PLACE_UNWITNESSED, PLACE_COUNTS, PLACE_CONFIRMED };

struct place {
    enum place_state state;
    uint16_t kind;  /* from PLACE_UNWITNESSED on */
    uint64_t value; /* below PLACE_VALUE_END; from PLACE_UNWITNESSED on */
};

/* Read the place at `offset` of the metadata region. */
struct place place_read(uint32_t offset);

/* Write a place where a blank one is. `value` is below PLACE_VALUE_END. */
enum result place_write(uint32_t offset, uint16_t kind, uint64_t value);

#endif
