/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "place.h"

#include <stdbool.h>
#include <stddef.h>

#include "bytes.h"
#include "flash.h"
#include "record.h"

_Static_assert((int)PLACE_PAYLOAD_BYTES <= (int)RECORD_PAYLOAD_BYTES_MAX, "kind and value are a record");

static const uint8_t ZEROS[PLACE_WITNESS_BYTES] = {0}; /* witness and guard */

static uint32_t record_offset(uint32_t offset)
{
    return offset + PLACE_GUARD_BYTES;
}

static uint32_t witness_offset(uint32_t offset)
{
    return record_offset(offset) + 2 * PLACE_PAYLOAD_BYTES;
}

static enum place_state state_of_witness(uint32_t offset)
{
    const uint8_t *witness = flash_view(&LAYOUT_METADATA, witness_offset(offset), PLACE_WITNESS_BYTES);
    uint8_t ones = 0;

    if (witness == NULL || flash_is_blank(&LAYOUT_METADATA, witness_offset(offset), PLACE_WITNESS_BYTES)) {
        return PLACE_UNWITNESSED;
    }
    for (uint32_t i = 0; i < PLACE_WITNESS_BYTES; i++) {
        ones |= witness[i];
    }
    return ones == 0 ? PLACE_CONFIRMED : PLACE_COUNTS;
}

struct place place_read(uint32_t offset)
{
    struct place place = {PLACE_BLANK, 0, 0};
    const uint8_t *payload = record_payload(record_offset(offset), PLACE_PAYLOAD_BYTES);

    if (payload == NULL) {
        place.state = flash_is_blank(&LAYOUT_METADATA, offset, PLACE_BYTES) ? PLACE_BLANK : PLACE_INVALID;
        return place;
    }
    place.state = state_of_witness(offset);
    place.kind = load_u16(payload);
    place.value = load_u64(payload) >> 16;
    return place;
}

enum result place_write(uint32_t offset, uint16_t kind, uint64_t value)
{
    uint8_t payload[PLACE_PAYLOAD_BYTES];
    enum result result;

    if (value >= PLACE_VALUE_END) {
        return RESULT_ERROR_RANGE;
    }
    store_u64(payload, value << 16 | kind);
    result = flash_program(&LAYOUT_METADATA, offset, ZEROS, PLACE_GUARD_BYTES);
    if (result == RESULT_OK) {
        result = record_write(record_offset(offset), payload, PLACE_PAYLOAD_BYTES);
    }
    if (result == RESULT_OK) {
        result = flash_program(&LAYOUT_METADATA, witness_offset(offset), ZEROS, PLACE_WITNESS_BYTES);
    }
    return result;
}
