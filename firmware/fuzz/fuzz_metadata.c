/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Any bytes in the counter's and the journal's pages, then records are written, power lost on the way.
 *
 * 1. A counter that is raised ends at the value, confirmed; power lost on the way, it has the old value, the new one, or one between. It never falls.
 * 2. An appended record gives the state that RAM has, and so does reading it again; power lost on the way, the old state or the new.
 * 3. Nothing is programmed twice, and nothing outside these pages is touched.
 */
#include <string.h>

#include "counter.h"
#include "device.h"
#include "fuzz.h"
#include "journal.h"
#include "metadata.h"
#include "unit.h"

enum { STEPS_MAX = 12, CUT = 0x80 };

static struct {
    uint64_t value;
    enum journal_kind kind;
    uint16_t argument;
    enum result result;
    struct journal journal;
} step;

static void raise_counter(void)
{
    struct counter counter = counter_read();

    step.result = counter_advance(&counter, step.value);
}

static void append_record(void)
{
    step.journal = journal_read();
    step.result = journal_append(&step.journal, step.kind, step.argument);
}

static bool same_state(const struct journal *one, const struct journal *other)
{
    return one->stage == other->stage &&
           (one->stage < JOURNAL_STAGE_STARTED || (one->pages == other->pages && one->copied == other->copied));
}

static void power(struct input *input, uint8_t control)
{
    if ((control & CUT) != 0) {
        fake.cut_at = input_byte(input) % 64;
        fake.tear = (enum fake_tear)(control % FAKE_TEARS);
        fake.seed = input_byte(input);
    }
}

static void step_counter(struct input *input, uint8_t control)
{
    const struct counter before = counter_read();
    struct counter after;
    enum fake_end end;

    step.value = before.value + input_byte(input);
    if (step.value < before.value) {
        return; /* the counter is used up: there is no greater version */
    }
    power(input, control);
    end = fake_boot(raise_counter);
    after = counter_read();
    CHECK(after.value >= before.value && after.value <= step.value);
    CHECK(end == FAKE_CUT || step.result == RESULT_OK);
    CHECK(end == FAKE_CUT || (after.value == step.value && after.confirmed));
}

static void step_journal(struct input *input, uint8_t control)
{
    const struct journal before = journal_read();
    struct journal after;
    enum fake_end end;

    step.kind = (enum journal_kind)(1 + control % 5);
    step.argument = (uint16_t)(input_byte(input) % 12);
    power(input, control);
    end = fake_boot(append_record);
    after = journal_read();
    CHECK(after.stage < JOURNAL_STAGE_STARTED || after.copied <= after.pages);
    if (before.page == LAYOUT_METADATA_PAGES) {
        CHECK_EQUAL(RESULT_ERROR_RANGE, step.result);
    } else if (end == FAKE_RETURNED) {
        CHECK_EQUAL(RESULT_OK, step.result);
        CHECK(same_state(&step.journal, &after));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static uint8_t flash[FAKE_BYTES];
    static uint8_t others[FAKE_BYTES];
    struct input input = {data, size_bytes};
    const uint32_t metadata = REGION_METADATA_ADDRESS - FAKE_ADDRESS;

    fake.flash = flash;
    make_device();
    const uint8_t steps = input_byte(&input) % STEPS_MAX;
    const uint8_t *controls = input.data;
    struct input control = {controls, input.left_bytes < 64 ? input.left_bytes : 64};

    for (size_t i = control.left_bytes; i < input.left_bytes && i - control.left_bytes < REGION_METADATA_BYTES; i++) {
        flash[metadata + i - control.left_bytes] = (uint8_t)~input.data[i]; /* inverted: what an input leaves out is erased */
    }
    memcpy(others, flash, metadata);
    for (uint8_t number = 0; number < steps; number++) {
        const uint8_t what = input_byte(&control);

        if (what % 2 == 0) {
            step_counter(&control, what / 2 | (what & CUT));
        } else {
            step_journal(&control, what / 2 | (what & CUT));
        }
        CHECK_EQUAL(0, fake.misuses);
        CHECK_EQUAL(0, memcmp(others, flash, metadata));
    }
    return 0;
}
