/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The log: what the device knows over power cycles, in one page of the pool at a time (SPEC, "Pool and log").
 *
 * 1. A page is its mark and then places, one after the other. A place of the kind `page` names the page's sequence number: with
 *    it the page begins to count. The active page is the one with the greatest sequence in a `page` place that counts.
 * 2. The state is what the places of the active page that count say, the last of each kind.
 * 3. The state is settled if the last used place is confirmed. Nothing but the log is written, no page of the pool erased and
 *    no application started on a state that is not: first all of it is written again, behind what is there.
 *
 *        cut in `steps 3`            reads in boot B    B writes first      and boot C reads, whatever it makes of `steps 3`
 *        built 2, steps 3 [1]        built 2            built 2 again       built 2, as B did
 *                                    steps 3            steps 3 again       steps 3, as B did
 *        [1] metastable
 *
 * 4. If the active page is full, the next page of the pool is erased, and gets the mark, the state, and last its `page` place:
 *
 *        step                    active page A       next page B
 *        before                  page n, full        old
 *        erase, mark, state      page n, full        no `page` place
 *        its `page` place        page n, full        page n + 1: B is active now
 *
 * 5. A page whose `page` place is valid and later than the active one, but has no witness, may count in another boot. It says
 *    what A says, and so nothing is lost if it does, unless more was written to A meanwhile. So nothing is: the state moves on,
 *    to yet another page with a later sequence, and this one is not erased before that one counts.
 * 6. The counter only rises. A version of 2^48 or more has no place: it is refused, and the counter ends at 2^48 - 1.
 */
#ifndef DELTA_LOG_H
#define DELTA_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "pool.h"
#include "result.h"

/* How far the update is. The numbers are in flash. */
enum log_stage {
    LOG_IDLE = 0,    /* no update, or a closed one */
    LOG_PENDING = 1, /* a patch is staged; the application is untouched */
    LOG_STARTED = 2, /* `steps` pages are rebuilt */
    LOG_BUILT = 3,   /* `steps` pages are rebuilt, and the next one lies in the pool page `scratch` */
    LOG_COMPLETE = 4 /* every page is rebuilt, and the whole is the target */
};

struct log_state {
    uint64_t counter;
    enum log_stage stage;
    enum result closed;       /* LOG_IDLE: 0, or what refused the last patch */
    uint16_t steps;           /* from LOG_STARTED on */
    uint8_t scratch;          /* LOG_BUILT */
    bool scratch_is_inverted; /* LOG_BUILT: in its first byte */
    uint8_t cursor;           /* the page of the pool that was taken last */
    uint8_t key;              /* the number of the trusted key (identity.h), at most 15 */
    uint64_t patch;           /* the patch that was begun, below PLACE_VALUE_END; LOG_STARTED and LOG_BUILT */
};

struct log {
    struct log_state state;
    uint32_t page;     /* the active one; POOL_PAGES when there is none */
    uint32_t used;     /* places of it */
    uint32_t sequence; /* the greatest that any page names */
    uint32_t half;     /* a bit for each page of step 5 */
    bool is_settled;
    enum result failure; /* of the flash: nothing more is written in this boot */
};

/* Read the log from flash. */
struct log log_read(void);

/* Make the state one that may be relied upon. Does nothing if it is. */
enum result log_settle(struct log *log);

/* Write what differs from the state, which is settled. `next` was made from it, and names a page just taken as its cursor.
 * The counter is written before the rest, and the patch before the phase, which gives it its meaning: what else must not be
 * seen apart is written in two calls, in their order. */
enum result log_write(struct log *log, const struct log_state *next);

/* The page of the pool to take next, for scratch. The state is settled. */
uint32_t log_next_page(const struct log *log);

#endif
