/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A page of the application that is built in a page of the pool, and put in its place.
 *
 * 1. The page of the pool is erased first, always; its bytes are programmed in order, sixteen at a time, and read back.
 * 2. A content that begins like a log page (pool.h) is kept with its first byte inverted, and put in its place as it was.
 * 3. The page of the application is erased, programmed and compared as a whole. What follows the content stays erased.
 */
#ifndef DELTA_PAGE_H
#define DELTA_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "result.h"

enum { PAGE_CHUNK_BYTES = 16 };

struct page {
    uint32_t number; /* of the page of the pool */
    uint32_t filled; /* bytes that it got, those in the chunk too */
    bool is_inverted;
    uint8_t chunk[PAGE_CHUNK_BYTES];
};

/* Erase page `number` of the pool and begin to build in it. */
enum result page_begin(struct page *page, uint32_t number);

/* Add bytes; all together at most LAYOUT_PAGE_BYTES. */
enum result page_add(struct page *page, const uint8_t *data, uint32_t size_bytes);

/* Program what is left in the chunk. */
enum result page_end(struct page *page);

/* Put the first `size_bytes` bytes of page `number` of the pool in the page `target` of the application region. */
enum result page_install(uint32_t number, bool is_inverted, uint32_t target, uint32_t size_bytes);

#endif
