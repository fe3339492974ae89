/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "page.h"

#include <stddef.h>
#include <string.h>

#include "flash.h"
#include "pool.h"

enum { INVERTED = 0xFF };

_Static_assert(LAYOUT_PAGE_BYTES % PAGE_CHUNK_BYTES == 0, "whole chunks");
_Static_assert(PAGE_CHUNK_BYTES % LAYOUT_PROGRAM_BYTES == 0, "whole program units");
_Static_assert((int)PAGE_CHUNK_BYTES >= (int)POOL_MARK_BYTES, "the first chunk shows whether the page begins like a log page");

static uint32_t whole_units(uint32_t size_bytes)
{
    return (size_bytes + LAYOUT_PROGRAM_BYTES - 1) / LAYOUT_PROGRAM_BYTES * LAYOUT_PROGRAM_BYTES;
}

enum result page_begin(struct page *page, uint32_t number)
{
    page->number = number;
    page->filled = 0;
    page->is_inverted = false;
    return flash_erase_page(&LAYOUT_METADATA, number);
}

/* Program the bytes of the chunk; the rest of its last program unit stays erased. */
static enum result program_chunk(struct page *page, uint32_t size_bytes)
{
    const uint32_t start = page->filled - size_bytes;

    memset(page->chunk + size_bytes, 0xFF, PAGE_CHUNK_BYTES - size_bytes);
    if (start == 0) {
        page->is_inverted = pool_is_mark(page->chunk);
        page->chunk[0] = (uint8_t)(page->chunk[0] ^ (page->is_inverted ? INVERTED : 0));
    }
    return flash_program(&LAYOUT_METADATA, page->number * LAYOUT_PAGE_BYTES + start, page->chunk, whole_units(size_bytes));
}

enum result page_add(struct page *page, const uint8_t *data, uint32_t size_bytes)
{
    enum result result = RESULT_OK;

    for (uint32_t i = 0; result == RESULT_OK && i < size_bytes; i++) {
        page->chunk[page->filled % PAGE_CHUNK_BYTES] = data[i];
        page->filled++;
        if (page->filled % PAGE_CHUNK_BYTES == 0) {
            result = program_chunk(page, PAGE_CHUNK_BYTES);
        }
    }
    return result;
}

enum result page_end(struct page *page)
{
    const uint32_t left = page->filled % PAGE_CHUNK_BYTES;

    return left == 0 ? RESULT_OK : program_chunk(page, left);
}

enum result page_install(uint32_t number, bool is_inverted, uint32_t target, uint32_t size_bytes)
{
    const uint32_t offset = target * LAYOUT_PAGE_BYTES;
    const uint32_t first_bytes = whole_units(size_bytes < PAGE_CHUNK_BYTES ? size_bytes : PAGE_CHUNK_BYTES);
    const uint8_t *source = flash_view(&LAYOUT_METADATA, number * LAYOUT_PAGE_BYTES, LAYOUT_PAGE_BYTES);
    const uint8_t *copy = flash_view(&LAYOUT_APPLICATION, offset, LAYOUT_PAGE_BYTES);
    uint8_t first[PAGE_CHUNK_BYTES];
    enum result result;

    if (source == NULL || copy == NULL) {
        return RESULT_ERROR_RANGE;
    }
    memcpy(first, source, sizeof first);
    first[0] = (uint8_t)(first[0] ^ (is_inverted ? INVERTED : 0));
    result = flash_erase_page(&LAYOUT_APPLICATION, target);
    if (result == RESULT_OK) {
        result = flash_program(&LAYOUT_APPLICATION, offset, first, first_bytes);
    }
    if (result == RESULT_OK) {
        result = flash_program(&LAYOUT_APPLICATION, offset + first_bytes, source + first_bytes, whole_units(size_bytes) - first_bytes);
    }
    if (result == RESULT_OK && (memcmp(copy, first, sizeof first) != 0 ||
                                memcmp(copy + sizeof first, source + sizeof first, LAYOUT_PAGE_BYTES - sizeof first) != 0)) {
        result = RESULT_ERROR_MISMATCH;
    }
    return result;
}
