/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Any bytes as a patch, its header's page size made right; every event is carried out on memory that the sanitizers watch.
 *
 * 1. A page begins once, inside the target; it gets exactly its bytes; a copy lies inside the region.
 * 2. No byte of a patch gives more than what one byte of a heatshrink stream can: the patch can't expand without end.
 * 3. What is refused stays refused.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "patch.h"

enum { REGION_PAGES = 8, PAGE = 256, REGION = REGION_PAGES * PAGE, AT_PAGE_BYTES = 88, EVENTS_MAX = 64 };

static uint8_t region[REGION];
static uint8_t page[PAGE];
static struct patch patch;
static uint32_t page_number;
static uint32_t filled;
static uint32_t pages_begun;

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void page_grows(const uint8_t *bytes, uint32_t length)
{
    check(pages_begun > 0);
    check(length > 0 && length <= patch_page_bytes(&patch, page_number) - filled);
    memcpy(page + filled, bytes, length);
    filled += length;
    if (filled == patch_page_bytes(&patch, page_number)) {
        memset(page + filled, 0xFF, PAGE - filled);
        memcpy(region + page_number * PAGE, page, PAGE);
    }
}

static void carry_out(const struct patch_event *event)
{
    switch (event->news) {
    case PATCH_PAGE:
        check(pages_begun == 0 || filled == patch_page_bytes(&patch, page_number));
        check(event->page < REGION_PAGES && event->page * PAGE < patch.header.target_bytes);
        check(++pages_begun <= patch.header.steps);
        page_number = event->page;
        filled = 0;
        break;
    case PATCH_COPY:
        check(event->source <= REGION && event->length <= REGION - event->source);
        page_grows(region + event->source, event->length);
        break;
    case PATCH_BYTE:
        page_grows(&event->byte, 1);
        break;
    case PATCH_MORE:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static const struct patch_limits LIMITS = {REGION, PAGE};
    bool refused = false;

    memset(region, 0x5A, sizeof region);
    pages_begun = 0;
    patch_start(&patch, LIMITS);
    for (size_t i = 0; i < size_bytes; i++) {
        const uint8_t byte = i == AT_PAGE_BYTES ? PAGE & 0xFF : i == AT_PAGE_BYTES + 1 ? PAGE >> 8 : data[i];
        struct patch_event event = {.news = PATCH_MORE};
        uint32_t events = 0;

        if (patch_feed(&patch, byte) == RESULT_OK) {
            do {
                if (patch_take(&patch, &event) != RESULT_OK) {
                    break;
                }
                carry_out(&event);
                check(++events <= EVENTS_MAX);
            } while (event.news != PATCH_MORE);
        }
        check(!refused || patch.result != RESULT_OK);
        refused = patch.result != RESULT_OK;
    }
    check(!patch_is_complete(&patch) || pages_begun == patch.header.steps);
    return 0;
}
