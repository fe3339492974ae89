/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "log.h"

#include "flash.h"
#include "place.h"

enum log_kind { LOG_PAGE = 1, LOG_COUNTER = 2, LOG_PHASE = 3, LOG_PATCH = 4 };

enum { LOG_HEADER_BYTES = 16, LOG_PLACES = (LAYOUT_PAGE_BYTES - LOG_HEADER_BYTES) / PLACE_BYTES, LOG_SNAPSHOT_PLACES = 4 };

_Static_assert(LOG_PLACES > 2 * LOG_SNAPSHOT_PLACES, "a page takes more than the state that moves into it");

/* Where the parts of a phase are in its 48 bits. */
enum { AT_STAGE = 0, AT_KEY = 3, AT_INVERTED = 7, AT_CLOSED = 8, AT_STEPS = 16, AT_SCRATCH = 32, AT_CURSOR = 40 };

static struct place read_at(uint32_t page, uint32_t index)
{
    return place_read(page * LAYOUT_PAGE_BYTES + LOG_HEADER_BYTES + index * PLACE_BYTES);
}

static uint64_t pack_phase(const struct log_state *state)
{
    return (uint64_t)state->stage << AT_STAGE | (uint64_t)state->key << AT_KEY |
           (uint64_t)state->scratch_is_inverted << AT_INVERTED | (uint64_t)state->closed << AT_CLOSED | (uint64_t)state->steps << AT_STEPS |
           (uint64_t)state->scratch << AT_SCRATCH | (uint64_t)state->cursor << AT_CURSOR;
}

static void unpack_phase(struct log_state *state, uint64_t value)
{
    state->stage = (enum log_stage)(value >> AT_STAGE & 7u);
    state->key = (uint8_t)(value >> AT_KEY & 0xFu);
    state->scratch_is_inverted = (value >> AT_INVERTED & 1u) != 0;
    state->closed = (enum result)(value >> AT_CLOSED & 0xFFu);
    state->steps = (uint16_t)(value >> AT_STEPS);
    state->scratch = (uint8_t)(value >> AT_SCRATCH);
    state->cursor = (uint8_t)(value >> AT_CURSOR);
}

/* The greatest sequence of a page among its `page` places of at least this state; 0 where there is none. */
static uint32_t sequence_of(uint32_t page, enum place_state least)
{
    uint32_t sequence = 0;

    for (uint32_t index = 0; pool_is_log(page) && index < LOG_PLACES; index++) {
        const struct place place = read_at(page, index);

        if (place.state >= least && place.kind == LOG_PAGE && place.value > sequence) {
            sequence = (uint32_t)place.value;
        }
    }
    return sequence;
}

static void find_active(struct log *log)
{
    uint32_t active = 0;

    for (uint32_t page = 0; page < POOL_PAGES; page++) {
        const uint32_t sequence = sequence_of(page, PLACE_COUNTS);

        if (sequence > active) {
            active = sequence;
            log->page = page;
        }
    }
    log->sequence = active;
    for (uint32_t page = 0; page < POOL_PAGES; page++) {
        const uint32_t sequence = sequence_of(page, PLACE_UNWITNESSED);

        if (sequence > active) {
            log->half |= 1u << page;
        }
        if (sequence > log->sequence) {
            log->sequence = sequence;
        }
    }
}

static void read_state(struct log *log)
{
    for (uint32_t index = 0; index < LOG_PLACES; index++) {
        const struct place place = read_at(log->page, index);

        if (place.state != PLACE_BLANK) {
            log->used = index + 1;
            log->is_settled = place.state == PLACE_CONFIRMED;
        }
        if (place.state >= PLACE_COUNTS && place.kind == LOG_COUNTER) {
            log->state.counter = place.value;
        } else if (place.state >= PLACE_COUNTS && place.kind == LOG_PHASE) {
            unpack_phase(&log->state, place.value);
        } else if (place.state >= PLACE_COUNTS && place.kind == LOG_PATCH) {
            log->state.patch = place.value;
        }
    }
}

struct log log_read(void)
{
    struct log log = {{0, LOG_IDLE, RESULT_OK, 0, 0, false, POOL_PAGES - 1, 0, 0}, POOL_PAGES, 0, 0, 0, true, RESULT_OK};

    find_active(&log);
    if (log.page < POOL_PAGES) {
        read_state(&log);
    }
    if (log.half != 0) {
        log.is_settled = false;
    }
    return log;
}

static enum result write_place(struct log *log, enum log_kind kind, uint64_t value)
{
    const uint32_t offset = log->page * LAYOUT_PAGE_BYTES + LOG_HEADER_BYTES + log->used * PLACE_BYTES;

    if (log->failure == RESULT_OK) {
        log->failure = place_write(offset, (uint16_t)kind, value);
        log->is_settled = log->is_settled && log->failure == RESULT_OK;
        log->used++;
    }
    return log->failure;
}

static enum result write_state(struct log *log)
{
    const bool is_begun = log->state.stage == LOG_STARTED || log->state.stage == LOG_BUILT;

    (void)write_place(log, LOG_COUNTER, log->state.counter);
    if (is_begun) {
        (void)write_place(log, LOG_PATCH, log->state.patch);
    } else {
        log->state.patch = 0; /* the page does not name it: begun again, it is written again */
    }
    (void)write_place(log, LOG_PHASE, pack_phase(&log->state));
    (void)write_place(log, LOG_PAGE, log->sequence);
    log->is_settled = log->failure == RESULT_OK;
    return log->failure;
}

/* Pages that the state rests on, or may come to rest on. */
static uint32_t kept_pages(const struct log *log)
{
    const uint32_t active = log->page < POOL_PAGES ? 1u << log->page : 0;
    const uint32_t scratch = log->state.stage == LOG_BUILT && log->state.scratch < POOL_PAGES ? 1u << log->state.scratch : 0;
    const uint32_t all = POOL_PAGES == 32 ? 0xFFFFFFFFu : (1u << POOL_PAGES) - 1u;
    const uint32_t kept = active | scratch | log->half;

    return (kept & all) == all ? active | scratch : kept;
}

uint32_t log_next_page(const struct log *log)
{
    return pool_next(log->state.cursor, kept_pages(log));
}

/* Move the state to the next page; steps 4 and 5 of the header. */
static enum result move(struct log *log)
{
    static const uint8_t MARK[POOL_MARK_BYTES] = {0};
    const uint32_t page = log_next_page(log);

    if (log->failure == RESULT_OK) {
        log->failure = flash_erase_page(&LAYOUT_METADATA, page);
    }
    if (log->failure == RESULT_OK) {
        log->failure = flash_program(&LAYOUT_METADATA, page * LAYOUT_PAGE_BYTES, MARK, sizeof MARK);
    }
    log->state.cursor = (uint8_t)page;
    log->page = page;
    log->used = 0;
    log->sequence++;
    log->half = 0;
    return write_state(log);
}

enum result log_settle(struct log *log)
{
    if (log->failure != RESULT_OK || log->is_settled) {
        return log->failure;
    }
    if (log->page == POOL_PAGES || log->half != 0 || log->used + LOG_SNAPSHOT_PLACES > LOG_PLACES) {
        return move(log);
    }
    return write_state(log);
}

enum result log_write(struct log *log, const struct log_state *next)
{
    const bool counter_differs = next->counter != log->state.counter;
    const bool patch_differs = next->patch != log->state.patch;
    const bool phase_differs = pack_phase(next) != pack_phase(&log->state);
    const uint32_t places = (uint32_t)counter_differs + (uint32_t)patch_differs + (uint32_t)phase_differs;

    if (!log->is_settled) {
        return log->failure != RESULT_OK ? log->failure : RESULT_ERROR_RANGE;
    }
    log->state = *next;
    if (log->page == POOL_PAGES || log->used + places > LOG_PLACES) {
        return move(log);
    }
    if (counter_differs) {
        (void)write_place(log, LOG_COUNTER, log->state.counter);
    }
    if (patch_differs) {
        (void)write_place(log, LOG_PATCH, log->state.patch);
    }
    if (phase_differs) {
        (void)write_place(log, LOG_PHASE, pack_phase(&log->state));
    }
    return log->failure;
}
