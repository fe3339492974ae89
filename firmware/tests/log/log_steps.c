/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The log on the fake flash, one call a step: the library that tests/firmware/test_log_machine.py drives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flash_fake.h"
#include "log.h"
#include "page.h"
#include "place.h"
#include "unit.h"

struct power {
    uint32_t cut_at; /* FAKE_NEVER: no cut */
    uint32_t tear;
    uint64_t seed;
};

/* A state as both sides write it down. */
struct said {
    uint64_t counter;
    uint64_t patch;
    uint32_t stage;
    uint32_t closed;
    uint32_t steps;
    uint32_t scratch;
    uint32_t is_inverted;
    uint32_t cursor;
    uint32_t key;
};

struct readings {
    struct said state;
    uint32_t page; /* POOL_PAGES: none is active */
    uint32_t used;
    uint32_t sequence;
    uint32_t half;
    uint32_t next_page;
    uint32_t is_settled;
    uint32_t misuses; /* of the last step */
};

uint8_t *steps_new_device(void);
void steps_pool_replaced(void);
struct readings steps_read(void);
int32_t steps_settle(struct power power);
int32_t steps_write(struct said said, struct power power);
int32_t steps_take_scratch(struct power power);

enum { CUT = 1000 }; /* in place of a result */

static uint8_t flash[FAKE_BYTES];
static struct said wanted;
static enum result result;

void unit_fail(const char *file, int line, const char *what, long long expected, long long seen)
{
    (void)fprintf(stderr, "%s:%d: %s is %lld, expected %lld\n", file, line, what, seen, expected);
    abort();
}

uint8_t *steps_new_device(void)
{
    memset(flash, 0xFF, sizeof flash);
    steps_pool_replaced();
    fake.flash = flash;
    return flash + (REGION_METADATA_ADDRESS - FAKE_ADDRESS);
}

/* The pool holds other bytes now, put there past the flash. */
void steps_pool_replaced(void)
{
    memset(fake.writes, 0, sizeof fake.writes);
    memset(fake.unsure, 0, sizeof fake.unsure);
}

struct readings steps_read(void)
{
    const struct log log = log_read();
    const struct log_state *state = &log.state;

    return (struct readings){
        {state->counter, state->patch, (uint32_t)state->stage, (uint32_t)state->closed, state->steps, state->scratch,
         state->scratch_is_inverted, state->cursor, state->key},
        log.page,
        log.used,
        log.sequence,
        log.half,
        log_next_page(&log),
        log.is_settled,
        fake.misuses,
    };
}

static void settle(void)
{
    struct log log = log_read();

    result = log_settle(&log);
}

static void write_wanted(void)
{
    struct log log = log_read();
    struct log_state next;

    result = log_settle(&log);
    if (result != RESULT_OK) {
        return;
    }
    next = log.state;
    next.counter = wanted.counter;
    next.patch = wanted.patch;
    next.stage = (enum log_stage)wanted.stage;
    next.closed = (enum result)wanted.closed;
    next.steps = (uint16_t)wanted.steps;
    next.key = (uint8_t)wanted.key;
    result = log_write(&log, &next);
}

static void take_scratch(void)
{
    struct log log = log_read();
    struct log_state next;
    struct page page;

    result = log_settle(&log);
    if (result == RESULT_OK) {
        result = page_begin(&page, log_next_page(&log));
    }
    if (result == RESULT_OK) {
        next = log.state;
        next.stage = LOG_BUILT;
        next.scratch = (uint8_t)page.number;
        next.cursor = next.scratch;
        result = log_write(&log, &next);
    }
}

static int32_t run(void (*step)(void), struct power power)
{
    fake.cut_at = power.cut_at;
    fake.tear = (enum fake_tear)power.tear;
    fake.seed = power.seed;
    return fake_boot(step) == FAKE_CUT ? CUT : (int32_t)result;
}

int32_t steps_settle(struct power power)
{
    return run(settle, power);
}

int32_t steps_write(struct said said, struct power power)
{
    wanted = said;
    return run(write_wanted, power);
}

int32_t steps_take_scratch(struct power power)
{
    return run(take_scratch, power);
}
