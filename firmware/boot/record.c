/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "record.h"

#include <stddef.h>

#include "flash.h"

const uint8_t *record_payload(uint32_t offset, uint32_t payload_bytes)
{
    const uint8_t *record = flash_view(&LAYOUT_METADATA, offset, 2 * payload_bytes);

    if (record == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < payload_bytes; i++) {
        if ((record[i] ^ record[payload_bytes + i]) != 0xFFu) {
            return NULL;
        }
    }
    return record;
}

uint32_t record_used(uint32_t offset, uint32_t payload_bytes, uint32_t count)
{
    uint32_t used = count;

    while (used > 0 && flash_is_blank(&LAYOUT_METADATA, offset + (used - 1) * 2 * payload_bytes, 2 * payload_bytes)) {
        used--;
    }
    return used;
}

enum result record_write(uint32_t offset, const uint8_t *payload, uint32_t payload_bytes)
{
    uint8_t record[2 * RECORD_PAYLOAD_BYTES_MAX];

    if (payload_bytes > RECORD_PAYLOAD_BYTES_MAX) {
        return RESULT_ERROR_RANGE;
    }
    for (uint32_t i = 0; i < payload_bytes; i++) {
        record[i] = payload[i];
        record[payload_bytes + i] = (uint8_t)(payload[i] ^ 0xFFu);
    }
    return flash_program(&LAYOUT_METADATA, offset, record, 2 * payload_bytes);
}
