/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Counter and journal on the fake flash, one call a step: the library that tests/firmware/test_metadata_machine.py drives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counter.h"
#include "flash_fake.h"
#include "journal.h"
#include "metadata.h"
#include "layout.h"
#include "unit.h"

struct power {
    uint32_t cut_at; /* FAKE_NEVER: no cut */
    uint32_t tear;
    uint64_t seed;
};

struct readings {
    uint64_t counter;
    uint32_t confirmed;
    uint32_t has_journal;
    uint32_t stage;
    uint32_t pages;
    uint32_t copied;
    uint32_t misuses; /* of the last step */
};

uint8_t *steps_new_device(void);
struct readings steps_read(void);
int32_t steps_raise(uint64_t value, struct power power);
int32_t steps_append(uint16_t kind, uint16_t value, struct power power);

enum { CUT = 1000 }; /* in place of a result */

static uint8_t flash[FAKE_BYTES];
static uint64_t new_value;
static uint16_t new_kind;
static enum result result;

void unit_fail(const char *file, int line, const char *what, long long expected, long long seen)
{
    (void)fprintf(stderr, "%s:%d: %s is %lld, expected %lld\n", file, line, what, seen, expected);
    abort();
}

uint8_t *steps_new_device(void)
{
    memset(flash, 0xFF, sizeof flash);
    memset(fake.writes, 0, sizeof fake.writes);
    fake.flash = flash;
    return flash + (REGION_METADATA_ADDRESS - FAKE_ADDRESS);
}

struct readings steps_read(void)
{
    const struct counter counter = counter_read();
    const struct journal journal = journal_read();

    return (struct readings){counter.value,   counter.confirmed, journal.page < LAYOUT_METADATA_PAGES,
                             (uint32_t)journal.stage, journal.pages, journal.copied, fake.misuses};
}

static void raise_counter(void)
{
    struct counter counter = counter_read();

    result = counter_advance(&counter, new_value);
}

static void append_record(void)
{
    struct journal journal = journal_read();

    result = journal_append(&journal, (enum journal_kind)new_kind, (uint16_t)new_value);
}

static int32_t run(void (*step)(void), struct power power)
{
    fake.cut_at = power.cut_at;
    fake.tear = (enum fake_tear)power.tear;
    fake.seed = power.seed;
    return fake_boot(step) == FAKE_CUT ? CUT : (int32_t)result;
}

int32_t steps_raise(uint64_t value, struct power power)
{
    new_value = value;
    return run(raise_counter, power);
}

int32_t steps_append(uint16_t kind, uint16_t value, struct power power)
{
    new_kind = kind;
    new_value = value;
    return run(append_record, power);
}
