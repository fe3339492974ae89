/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "pool.h"

#include <stddef.h>

#include "flash.h"

uint32_t pool_next(uint32_t cursor, uint32_t kept)
{
    uint32_t page = cursor;

    for (uint32_t tried = 0; tried < POOL_PAGES; tried++) {
        page = (page + 1) % POOL_PAGES;
        if ((kept >> page & 1u) == 0) {
            break;
        }
    }
    return page;
}

bool pool_is_mark(const uint8_t bytes[POOL_MARK_BYTES])
{
    return (bytes[0] | bytes[1] | bytes[2] | bytes[3]) == 0;
}

bool pool_is_log(uint32_t page)
{
    const uint8_t *bytes = flash_view(&LAYOUT_METADATA, page * LAYOUT_PAGE_BYTES, POOL_MARK_BYTES);

    return bytes != NULL && pool_is_mark(bytes);
}
