/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "speck.h"

#include <string.h>

#include "bytes.h"
#include "flash.h"
#include "hal.h"
#include "image.h"
#include "staged.h"

enum { AT_TOTAL_SIZE = 6, AT_FLAGS = 18, AT_VERSION = 22, AT_HARDWARE = 30, ERASED = 0xFF };

static const uint8_t MAGIC[4] = {'S', 'P', 'K', 2};

/* The download under way. */
static struct {
    uint8_t unit[LAYOUT_PROGRAM_BYTES]; /* bytes that do not fill one yet */
    uint32_t size_bytes;                /* that came; those of an incomplete unit are its last */
    bool is_open;
    bool is_valid;
} download;

static bool starts_unit(uint32_t offset)
{
    return offset % LAYOUT_PROGRAM_BYTES == 0;
}

/* Program the unit that ends at, or around, the last byte that came. */
static enum result put_unit(void)
{
    const uint32_t offset = (download.size_bytes - 1) / LAYOUT_PROGRAM_BYTES * LAYOUT_PROGRAM_BYTES;
    const uint32_t address = LAYOUT_SLOT.address + offset;
    enum result result = RESULT_OK;

    if (offset % LAYOUT_PAGE_BYTES == 0) {
        result = hal_flash_erase(address);
    }
    if (result == RESULT_OK) {
        result = hal_flash_program(address, download.unit, LAYOUT_PROGRAM_BYTES);
    }
    return result;
}

static enum result put_byte(uint8_t byte)
{
    if (starts_unit(download.size_bytes)) {
        memset(download.unit, ERASED, sizeof download.unit);
    }
    download.unit[download.size_bytes % LAYOUT_PROGRAM_BYTES] = byte;
    download.size_bytes++;
    return starts_unit(download.size_bytes) ? put_unit() : RESULT_OK;
}

/* Whether a chunk continues the download, or begins one. */
static enum result admit(uint32_t slot, uint32_t offset, uint32_t size_bytes)
{
    if (offset == 0) {
        download.is_open = true;
        download.size_bytes = 0;
    }
    download.is_valid = false;
    if (slot >= SPECK_SLOTS || !download.is_open || offset != download.size_bytes || size_bytes > LAYOUT_SLOT.size_bytes - offset) {
        return RESULT_ERROR_RANGE;
    }
    return offset == 0 && speck_has_update_pending() ? RESULT_ERROR_LOCKED : RESULT_OK;
}

enum result speck_write_slot_chunk(uint32_t slot, uint32_t offset, const uint8_t *chunk, uint32_t size_bytes)
{
    enum result result = admit(slot, offset, size_bytes);

    for (uint32_t i = 0; result == RESULT_OK && i < size_bytes; i++) {
        result = put_byte(chunk[i]);
    }
    download.is_open = result == RESULT_OK;
    return result;
}

enum result speck_read_slot_header(uint32_t slot, struct speck_header *header)
{
    const uint8_t *bytes = flash_view(&LAYOUT_SLOT, 0, IMAGE_HEADER_BYTES);

    if (slot >= SPECK_SLOTS || bytes == 0) {
        return RESULT_ERROR_RANGE;
    }
    if (memcmp(bytes, MAGIC, sizeof MAGIC) != 0) {
        return RESULT_MAGIC;
    }
    header->size_bytes = load_u32(bytes + AT_TOTAL_SIZE);
    header->flags = load_u32(bytes + AT_FLAGS);
    header->version = load_u64(bytes + AT_VERSION);
    header->hardware_revision = load_u32(bytes + AT_HARDWARE);
    return RESULT_OK;
}

enum result speck_validate_slot(uint32_t slot)
{
    enum result result = RESULT_OK;

    if (slot >= SPECK_SLOTS) {
        return RESULT_ERROR_RANGE;
    }
    if (download.is_open && !starts_unit(download.size_bytes)) {
        result = put_unit();
    }
    download.is_open = false;
    if (result == RESULT_OK) {
        result = staged_check();
    }
    download.is_valid = result == RESULT_OK;
    return result;
}

enum result speck_mark_update_pending(uint32_t slot)
{
    if (slot >= SPECK_SLOTS) {
        return RESULT_ERROR_RANGE;
    }
    if (!download.is_valid) {
        return RESULT_ERROR_LOCKED;
    }
    download.is_valid = false;
    return staged_mark();
}

bool speck_has_update_pending(void)
{
    return staged_is_pending();
}

enum result speck_verify_current_app(void)
{
    return staged_check_application();
}

_Noreturn void speck_apply_update(void)
{
    hal_reset();
}
