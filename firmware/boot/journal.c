/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "journal.h"

#include <stddef.h>

#include "bytes.h"
#include "flash.h"
#include "metadata.h"
#include "record.h"

enum {
    JOURNAL_PAYLOAD_BYTES = 4, /* of the header too */
    JOURNAL_RECORD_BYTES = 2 * JOURNAL_PAYLOAD_BYTES,
    JOURNAL_RECORDS = LAYOUT_PAGE_BYTES / JOURNAL_RECORD_BYTES - 1, /* the header takes one place */
    JOURNAL_NO_PAGE = LAYOUT_METADATA_PAGES
};

_Static_assert((JOURNAL_RECORDS + 1) * JOURNAL_RECORD_BYTES == LAYOUT_PAGE_BYTES, "a header and records fill a journal page");

static uint32_t header_offset(uint32_t page)
{
    return page * LAYOUT_PAGE_BYTES;
}

static uint32_t record_offset(uint32_t page, uint32_t index)
{
    return header_offset(page) + (1 + index) * JOURNAL_RECORD_BYTES;
}

static void journal_apply(struct journal *journal, uint16_t kind, uint16_t value)
{
    const enum journal_stage stage = journal->stage;

    switch (kind) {
    case JOURNAL_PENDING:
        if (value == 0) {
            journal->stage = JOURNAL_STAGE_PENDING;
            journal->pages = 0;
            journal->copied = 0;
        }
        break;
    case JOURNAL_STARTED:
        if (stage != JOURNAL_STAGE_IDLE && value > 0) {
            journal->stage = JOURNAL_STAGE_STARTED;
            journal->pages = value;
            journal->copied = 0;
        }
        break;
    case JOURNAL_COPIED:
        if (stage >= JOURNAL_STAGE_STARTED && value <= journal->pages) {
            journal->stage = value == journal->pages ? JOURNAL_STAGE_COPIED : JOURNAL_STAGE_STARTED;
            journal->copied = value;
        }
        break;
    case JOURNAL_CLOSED:
        journal->stage = JOURNAL_STAGE_IDLE;
        break;
    default:
        break;
    }
}

struct journal journal_read(void)
{
    struct journal journal = {JOURNAL_NO_PAGE, 0, JOURNAL_STAGE_IDLE, 0, 0};

    for (uint32_t page = LAYOUT_JOURNAL_PAGE; page < LAYOUT_JOURNAL_PAGE + 2; page++) {
        const uint8_t *header = record_payload(header_offset(page), JOURNAL_PAYLOAD_BYTES);

        if (header == NULL) {
            continue;
        }
        const uint32_t sequence = load_u32(header);
        const uint32_t ahead = sequence - journal.sequence;
        if (journal.page == JOURNAL_NO_PAGE || (ahead != 0 && ahead < 0x80000000u)) {
            journal.page = page;
            journal.sequence = sequence;
        }
    }
    if (journal.page == JOURNAL_NO_PAGE) {
        return journal;
    }
    for (uint32_t index = 0; index < JOURNAL_RECORDS; index++) {
        const uint8_t *record = record_payload(record_offset(journal.page, index), JOURNAL_PAYLOAD_BYTES);

        if (record != NULL) {
            journal_apply(&journal, load_u16(record), load_u16(record + 2));
        }
    }
    return journal;
}

static enum result write_record(uint32_t page, uint32_t index, enum journal_kind kind, uint16_t value)
{
    uint8_t payload[JOURNAL_PAYLOAD_BYTES];

    store_u16(payload, (uint16_t)kind);
    store_u16(payload + 2, value);
    return record_write(record_offset(page, index), payload, JOURNAL_PAYLOAD_BYTES);
}

/* Write the records that rebuild the state, from index 0 of a blank page. */
static enum result write_state(const struct journal *journal, uint32_t page)
{
    enum result result = RESULT_OK;

    if (journal->stage >= JOURNAL_STAGE_PENDING) {
        result = write_record(page, 0, JOURNAL_PENDING, 0);
    }
    if (result == RESULT_OK && journal->stage >= JOURNAL_STAGE_STARTED) {
        result = write_record(page, 1, JOURNAL_STARTED, journal->pages);
    }
    if (result == RESULT_OK && journal->copied > 0) {
        result = write_record(page, 2, JOURNAL_COPIED, journal->copied);
    }
    return result;
}

/* Move the state to the other page; see step 4 of the header. */
static enum result journal_move(struct journal *journal)
{
    const uint32_t page = (2 * LAYOUT_JOURNAL_PAGE + 1) - journal->page;
    uint8_t header[JOURNAL_PAYLOAD_BYTES];
    enum result result = flash_erase_page(&LAYOUT_METADATA, page);

    if (result == RESULT_OK) {
        result = write_state(journal, page);
    }
    if (result == RESULT_OK) {
        store_u32(header, journal->sequence + 1);
        result = record_write(header_offset(page), header, JOURNAL_PAYLOAD_BYTES);
    }
    if (result == RESULT_OK) {
        journal->page = page;
        journal->sequence++;
    }
    return result;
}

enum result journal_append(struct journal *journal, enum journal_kind kind, uint16_t value)
{
    enum result result;
    uint32_t index;

    if (journal->page == JOURNAL_NO_PAGE) {
        return RESULT_ERROR_RANGE;
    }
    index = record_used(record_offset(journal->page, 0), JOURNAL_PAYLOAD_BYTES, JOURNAL_RECORDS);
    if (index == JOURNAL_RECORDS) {
        result = journal_move(journal);
        if (result != RESULT_OK) {
            return result;
        }
        index = record_used(record_offset(journal->page, 0), JOURNAL_PAYLOAD_BYTES, JOURNAL_RECORDS);
    }
    result = write_record(journal->page, index, kind, value);
    if (result == RESULT_OK) {
        journal_apply(journal, (uint16_t)kind, value);
    }
    return result;
}
