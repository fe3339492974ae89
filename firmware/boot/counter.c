/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "counter.h"

#include <stddef.h>

#include "bytes.h"
#include "flash.h"
#include "metadata.h"
#include "record.h"

enum {
    COUNTER_PAYLOAD_BYTES = 8,
    COUNTER_RECORD_BYTES = 2 * COUNTER_PAYLOAD_BYTES,
    COUNTER_PLACE_BYTES = 2 * COUNTER_RECORD_BYTES, /* the value and its witness */
    COUNTER_PLACES = LAYOUT_PAGE_BYTES / COUNTER_PLACE_BYTES
};

_Static_assert(COUNTER_PLACES * COUNTER_PLACE_BYTES == LAYOUT_PAGE_BYTES, "a counter page is full of places");
_Static_assert((int)COUNTER_PAYLOAD_BYTES <= (int)RECORD_PAYLOAD_BYTES_MAX, "a value fits in a record");

static uint32_t value_offset(uint32_t page, uint32_t place)
{
    return page * LAYOUT_PAGE_BYTES + place * COUNTER_PLACE_BYTES;
}

static uint32_t witness_offset(uint32_t page, uint32_t place)
{
    return value_offset(page, place) + COUNTER_RECORD_BYTES;
}

static void read_place(struct counter *counter, uint32_t page, uint32_t place)
{
    const uint32_t witness = witness_offset(page, place);
    const uint8_t *payload = record_payload(value_offset(page, place), COUNTER_PAYLOAD_BYTES);

    if (payload == NULL || flash_is_blank(&LAYOUT_METADATA, witness, COUNTER_RECORD_BYTES)) {
        return;
    }
    if (load_u64(payload) > counter->value) {
        counter->value = load_u64(payload);
        counter->page = page;
        counter->confirmed = false;
    }
    if (load_u64(payload) == counter->value && record_payload(witness, COUNTER_PAYLOAD_BYTES) != NULL) {
        counter->confirmed = true;
    }
}

struct counter counter_read(void)
{
    struct counter counter = {0, LAYOUT_COUNTER_PAGE, true};

    for (uint32_t place = 0; place < COUNTER_PLACES; place++) {
        read_place(&counter, LAYOUT_COUNTER_PAGE, place);
        read_place(&counter, LAYOUT_COUNTER_PAGE + 1, place);
    }
    return counter;
}

static enum result write_place(uint32_t page, uint32_t place, uint64_t value)
{
    uint8_t payload[COUNTER_PAYLOAD_BYTES];
    enum result result;

    store_u64(payload, value);
    result = record_write(value_offset(page, place), payload, COUNTER_PAYLOAD_BYTES);
    if (result == RESULT_OK) {
        result = record_write(witness_offset(page, place), payload, COUNTER_PAYLOAD_BYTES);
    }
    return result;
}

/* How many places of a page are used: a place is, once one of its records is. */
static uint32_t places_used(uint32_t page)
{
    return (record_used(value_offset(page, 0), COUNTER_PAYLOAD_BYTES, 2 * COUNTER_PLACES) + 1) / 2;
}

enum result counter_advance(struct counter *counter, uint64_t value)
{
    uint32_t page = counter->page;
    uint32_t place;
    enum result result;

    if (value < counter->value || (value == counter->value && counter->confirmed)) {
        return RESULT_OK;
    }
    place = places_used(page);
    if (place == COUNTER_PLACES) {
        page = (2 * LAYOUT_COUNTER_PAGE + 1) - page;
        place = 0;
        result = flash_erase_page(&LAYOUT_METADATA, page);
        if (result != RESULT_OK) {
            return result;
        }
    }
    result = write_place(page, place, value);
    if (result == RESULT_OK) {
        counter->value = value;
        counter->page = page;
        counter->confirmed = true;
    }
    return result;
}
