/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Reader of a patch (SPEC, "Patch"), fed byte by byte from whatever holds or brings it.
 *
 * 1. Nothing of the image is held: what the bytes say comes out as events, in order, and the caller acts on them.
 * 2. Feed one byte, then take events until PATCH_MORE; an event is given only after what it says was checked:
 *
 *        PATCH_PAGE   `page` is a page of the target that no earlier step built
 *        PATCH_COPY   bytes that fit in what the page lacks, at least one, from a range inside the application region
 *        PATCH_BYTE   the next byte of an insert that fits in what the page lacks
 *
 * 3. A page is complete when it has patch_page_bytes of it; then the next step begins. After the last step not one more
 *    byte may come.
 * 4. The first thing that is wrong is the answer, now and ever after.
 */
#ifndef PATCH_PATCH_H
#define PATCH_PATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "heatshrink.h"
#include "result.h"

enum { PATCH_HEADER_BYTES = 96, PATCH_DIGEST_BYTES = 32, PATCH_PAGES_MAX = 256 };

/* Where the target will be. */
struct patch_limits {
    uint32_t region_bytes; /* the application region */
    uint32_t page_bytes;   /* its erase unit */
};

struct patch_header {
    uint8_t base_digest[PATCH_DIGEST_BYTES];
    uint8_t target_digest[PATCH_DIGEST_BYTES];
    uint64_t base_version;
    uint64_t target_version;
    uint32_t base_bytes;
    uint32_t target_bytes;
    uint16_t steps;
};

enum patch_news {
    PATCH_MORE, /* nothing until another byte is fed */
    PATCH_PAGE, /* a page begins */
    PATCH_COPY, /* the page goes on with bytes of the region */
    PATCH_BYTE  /* the page goes on with a byte of the patch */
};

struct patch_event {
    enum patch_news news;
    uint32_t page;   /* PATCH_PAGE */
    uint32_t source; /* PATCH_COPY: offset in the region */
    uint32_t length; /* PATCH_COPY: bytes */
    uint8_t byte;    /* PATCH_BYTE */
};

enum patch_stage { PATCH_IN_HEADER, PATCH_AT_PAGE, PATCH_AT_LENGTH, PATCH_AT_SHIFT, PATCH_IN_INSERT, PATCH_AT_END };

_Static_assert((int)PATCH_HEADER_BYTES <= (int)HEATSHRINK_WINDOW_BYTES, "the header gathers in the window, before the stream begins");

struct patch {
    struct patch_limits limits;
    struct patch_header header;
    struct heatshrink stream;
    uint8_t built[PATCH_PAGES_MAX / 8]; /* a bit a page */
    int32_t shift;                      /* of the last copy */
    uint32_t number;                    /* under way */
    uint32_t length;                    /* of the instruction; of an insert, what is still to come */
    uint32_t position;                  /* in the region, of the next byte that the page gets */
    uint32_t page_end;                  /* where the page is complete */
    enum result result;
    enum patch_stage stage;
    uint16_t steps_left;
    uint8_t filled;      /* bytes of the header, which gather in the stream's window; later bytes of the number */
    uint8_t byte;        /* fed and not read yet, where the steps are not compressed */
    bool has_byte;
    bool is_compressed;
};

void patch_start(struct patch *patch, struct patch_limits limits);

/* Give the next byte of the patch. Call it only after patch_take said PATCH_MORE, or at the start. */
enum result patch_feed(struct patch *patch, uint8_t byte);

/* Take the next event. */
enum result patch_take(struct patch *patch, struct patch_event *event);

/* Whether the patch may end here: the header is complete and every step is. */
bool patch_is_complete(const struct patch *patch);

/* How many bytes of the target lie in a page; what follows them is erased. */
uint32_t patch_page_bytes(const struct patch *patch, uint32_t page);

#endif
