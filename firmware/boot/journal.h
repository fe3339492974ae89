/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The journal of one update: two metadata pages, one of them active (SPEC section 4).
 *
 * 1. A page is a header (its sequence number), and records to its end. A page without a valid header does not count.
 * 2. The active page is the one with the later sequence number; numbers wrap, so "later" is a signed difference.
 * 3. The journal's state is what its valid records say, read in order. Torn records are skipped.
 * 4. A record is appended after the last used one. If the page is full, the state is first moved:
 *
 *        step                        active page A         other page B
 *        before                      header n, full        old
 *        erase B                     header n, full        blank
 *        write the state's records   header n, full        no header, records
 *        write B's header            header n, full        header n + 1: B is active now
 *
 * 5. So at any cut exactly one page is active, and it holds the whole state.
 */
#ifndef BOOT_JOURNAL_H
#define BOOT_JOURNAL_H

#include <stdint.h>

#include "result.h"

/* The kinds of records, as they are in flash. */
enum journal_kind {
    JOURNAL_PENDING = 1, /* value: the slot's number, 0 */
    JOURNAL_STARTED = 2, /* value: how many pages the verified image has */
    JOURNAL_COPIED = 3,  /* value: how many pages of the application region hold the image */
    JOURNAL_CLOSED = 4   /* value: 0 when installed, else the result that refused the image */
};

enum journal_stage {
    JOURNAL_STAGE_IDLE,    /* no update, or a closed one */
    JOURNAL_STAGE_PENDING, /* staged; the application region is untouched */
    JOURNAL_STAGE_STARTED, /* some pages may be copied */
    JOURNAL_STAGE_COPIED   /* every page is copied */
};

struct journal {
    uint32_t page;     /* the active metadata page; LAYOUT_METADATA_PAGES when there is none */
    uint32_t sequence; /* of the active page */
    enum journal_stage stage;
    uint16_t pages;  /* of the image, from `started` */
    uint16_t copied; /* pages copied, at most `pages` */
};

/* Read the journal from flash. */
struct journal journal_read(void);

/* Append a record and update the state that it changes. */
enum result journal_append(struct journal *journal, enum journal_kind kind, uint16_t value);

#endif
