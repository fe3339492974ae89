/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "counter.h"

#include <stddef.h>

#include "bytes.h"
#include "flash.h"
#include "record.h"

enum {
    COUNTER_PAYLOAD_BYTES = 8,
    COUNTER_RECORD_BYTES = 2 * COUNTER_PAYLOAD_BYTES,
    COUNTER_RECORDS = LAYOUT_PAGE_BYTES / COUNTER_RECORD_BYTES
};

_Static_assert(COUNTER_RECORDS * COUNTER_RECORD_BYTES == LAYOUT_PAGE_BYTES, "a counter page is full of records");
_Static_assert((int)COUNTER_PAYLOAD_BYTES <= (int)RECORD_PAYLOAD_BYTES_MAX, "a value fits in a record");

static uint32_t record_offset(uint32_t page, uint32_t index)
{
    return page * LAYOUT_PAGE_BYTES + index * COUNTER_RECORD_BYTES;
}

struct counter counter_read(void)
{
    struct counter counter = {0, LAYOUT_COUNTER_PAGE};

    for (uint32_t page = LAYOUT_COUNTER_PAGE; page < LAYOUT_COUNTER_PAGE + 2; page++) {
        for (uint32_t index = 0; index < COUNTER_RECORDS; index++) {
            const uint8_t *payload = record_payload(record_offset(page, index), COUNTER_PAYLOAD_BYTES);

            if (payload != NULL && load_u64(payload) > counter.value) {
                counter.value = load_u64(payload);
                counter.page = page;
            }
        }
    }
    return counter;
}

enum result counter_advance(struct counter *counter, uint64_t value)
{
    uint32_t page = counter->page;
    uint8_t payload[COUNTER_PAYLOAD_BYTES];
    enum result result;

    if (value <= counter->value) {
        return RESULT_OK;
    }
    uint32_t index = record_used(record_offset(page, 0), COUNTER_PAYLOAD_BYTES, COUNTER_RECORDS);
    if (index == COUNTER_RECORDS) {
        page = (2 * LAYOUT_COUNTER_PAGE + 1) - page;
        index = 0;
        result = flash_erase_page(&LAYOUT_METADATA, page);
        if (result != RESULT_OK) {
            return result;
        }
    }
    store_u64(payload, value);
    result = record_write(record_offset(page, index), payload, COUNTER_PAYLOAD_BYTES);
    if (result == RESULT_OK) {
        counter->value = value;
        counter->page = page;
    }
    return result;
}
