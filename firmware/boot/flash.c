/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "flash.h"

#include <stddef.h>

#include "hal.h"

static bool region_holds(const struct region *region, uint32_t offset, uint32_t size_bytes)
{
    return offset <= region->size_bytes && size_bytes <= region->size_bytes - offset;
}

static bool region_is_writable(const struct region *region)
{
    return region->address == LAYOUT_APPLICATION.address || region->address == LAYOUT_METADATA.address;
}

const uint8_t *flash_view(const struct region *region, uint32_t offset, uint32_t size_bytes)
{
    if (!region_holds(region, offset, size_bytes)) {
        return NULL;
    }
    return hal_flash_view(region->address + offset, size_bytes);
}

bool flash_is_blank(const struct region *region, uint32_t offset, uint32_t size_bytes)
{
    const uint8_t *bytes = flash_view(region, offset, size_bytes);

    if (bytes == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < size_bytes; i++) {
        if (bytes[i] != 0xFFu) {
            return false;
        }
    }
    return true;
}

enum result flash_erase_page(const struct region *region, uint32_t page)
{
    if (!region_is_writable(region) || page >= region->size_bytes / LAYOUT_PAGE_BYTES) {
        return RESULT_ERROR_RANGE;
    }
    return hal_flash_erase(region->address + page * LAYOUT_PAGE_BYTES);
}

enum result flash_program(const struct region *region, uint32_t offset, const uint8_t *data, uint32_t size_bytes)
{
    if (!region_is_writable(region) || !region_holds(region, offset, size_bytes)) {
        return RESULT_ERROR_RANGE;
    }
    return hal_flash_program(region->address + offset, data, size_bytes);
}
