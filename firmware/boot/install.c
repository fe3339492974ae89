/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "install.h"

#include <stddef.h>
#include <string.h>

#include "flash.h"
#include "image.h"

static uint16_t pages_of(uint32_t size_bytes)
{
    return (uint16_t)((size_bytes + LAYOUT_PAGE_BYTES - 1) / LAYOUT_PAGE_BYTES);
}

/* Copy the bytes of one page: what the image has of it, filled up to the next program unit, and no byte beyond. */
static enum result copy_bytes(uint32_t offset, uint32_t size_bytes)
{
    const uint32_t rest_bytes = size_bytes % LAYOUT_PROGRAM_BYTES;
    const uint32_t whole_bytes = size_bytes - rest_bytes;
    const uint8_t *source = flash_view(&LAYOUT_SLOT, offset, size_bytes);
    const uint8_t *copy = flash_view(&LAYOUT_APPLICATION, offset, size_bytes);
    enum result result;

    if (source == NULL || copy == NULL) {
        return RESULT_ERROR_RANGE;
    }
    result = flash_program(&LAYOUT_APPLICATION, offset, source, whole_bytes);
    if (result == RESULT_OK && rest_bytes != 0) {
        uint8_t last[LAYOUT_PROGRAM_BYTES];

        for (uint32_t i = 0; i < LAYOUT_PROGRAM_BYTES; i++) {
            last[i] = i < rest_bytes ? source[whole_bytes + i] : 0xFF;
        }
        result = flash_program(&LAYOUT_APPLICATION, offset + whole_bytes, last, sizeof last);
    }
    if (result == RESULT_OK && memcmp(copy, source, size_bytes) != 0) {
        result = RESULT_ERROR_MISMATCH;
    }
    return result;
}

static enum result install_page(uint32_t page, uint32_t image_bytes)
{
    const uint32_t offset = page * LAYOUT_PAGE_BYTES;
    const uint32_t left_bytes = image_bytes - offset;
    enum result result = flash_erase_page(&LAYOUT_APPLICATION, page);

    if (result != RESULT_OK) {
        return result;
    }
    return copy_bytes(offset, left_bytes < LAYOUT_PAGE_BYTES ? left_bytes : LAYOUT_PAGE_BYTES);
}

static enum result install_pages(struct journal *journal, uint32_t image_bytes)
{
    enum result result = RESULT_OK;

    while (result == RESULT_OK && journal->copied < journal->pages) {
        result = install_page(journal->copied, image_bytes);
        if (result == RESULT_OK) {
            result = journal_append(journal, JOURNAL_COPIED, (uint16_t)(journal->copied + 1));
        }
    }
    return result;
}

enum result install_run(struct journal *journal, uint64_t counter)
{
    struct image image;
    enum result result;

    if (journal->stage != JOURNAL_STAGE_PENDING && journal->stage != JOURNAL_STAGE_STARTED) {
        return RESULT_OK;
    }
    result = image_verify(&image, &LAYOUT_SLOT, IMAGE_NEWER, counter);
    if (result != RESULT_OK) {
        return result;
    }
    if (journal->stage == JOURNAL_STAGE_STARTED && journal->pages != pages_of(image.size_bytes)) {
        return RESULT_SIZE;
    }
    if (journal->stage == JOURNAL_STAGE_PENDING) {
        result = journal_append(journal, JOURNAL_STARTED, pages_of(image.size_bytes));
    }
    return result == RESULT_OK ? install_pages(journal, image.size_bytes) : result;
}
