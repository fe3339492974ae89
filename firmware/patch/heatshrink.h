/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Decoder of heatshrink streams with a window of 2^8 and a lookahead of 2^4 bytes, fed byte by byte.
 *
 * 1. Bits come most significant first. 1 and 8 bits: a literal. 0, 8 bits d and 4 bits n: n + 1 bytes from d + 1 back.
 * 2. Feed one byte, then take what is decoded until there is no more; each byte taken enters the window.
 * 3. A byte further back than the stream's start is 0, as with every decoder of the format. No stream is invalid, and
 *    none decodes to more than 16 bytes for 13 bits.
 */
#ifndef PATCH_HEATSHRINK_H
#define PATCH_HEATSHRINK_H

#include <stdbool.h>
#include <stdint.h>

enum { HEATSHRINK_WINDOW_BYTES = 256 };

struct heatshrink {
    uint32_t bits;      /* not decoded yet, the oldest on top */
    uint8_t bit_count;  /* how many of them: at most 12 when a byte is fed */
    uint8_t copy_bytes; /* still to come from the window */
    uint8_t distance;   /* how far back, less 1 */
    uint8_t head;       /* where the next byte enters the window */
    uint8_t window[HEATSHRINK_WINDOW_BYTES];
};

void heatshrink_start(struct heatshrink *stream);

/* Give the next byte of the stream. Call it only when nothing is left to take. */
void heatshrink_feed(struct heatshrink *stream, uint8_t byte);

/* Take the next decoded byte. False: another byte has to be fed first. */
bool heatshrink_take(struct heatshrink *stream, uint8_t *byte);

#endif
