/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "heatshrink.h"

#include <string.h>

enum { LITERAL_BITS = 1 + 8, COPY_BITS = 1 + 8 + 4 };

void heatshrink_start(struct heatshrink *stream)
{
    memset(stream, 0, sizeof *stream);
}

void heatshrink_feed(struct heatshrink *stream, uint8_t byte)
{
    stream->bits = stream->bits << 8 | byte;
    stream->bit_count = (uint8_t)(stream->bit_count + 8u);
}

static uint8_t enter_window(struct heatshrink *stream, uint8_t byte)
{
    stream->window[stream->head] = byte;
    stream->head = (uint8_t)(stream->head + 1u);
    return byte;
}

static uint32_t take_bits(struct heatshrink *stream, uint8_t count)
{
    stream->bit_count = (uint8_t)(stream->bit_count - count);
    return stream->bits >> stream->bit_count & ((1u << count) - 1u);
}

bool heatshrink_take(struct heatshrink *stream, uint8_t *byte)
{
    if (stream->copy_bytes == 0) {
        const bool literal = stream->bit_count > 0 && (stream->bits >> (stream->bit_count - 1u) & 1u) != 0;

        if (stream->bit_count < (literal ? LITERAL_BITS : COPY_BITS)) {
            return false;
        }
        if (literal) {
            *byte = enter_window(stream, (uint8_t)(take_bits(stream, LITERAL_BITS) & 0xFFu));
            return true;
        }
        (void)take_bits(stream, 1);
        stream->distance = (uint8_t)take_bits(stream, 8);
        stream->copy_bytes = (uint8_t)(take_bits(stream, 4) + 1u);
    }
    stream->copy_bytes--;
    *byte = enter_window(stream, stream->window[(uint8_t)(stream->head - stream->distance - 1u)]);
    return true;
}
