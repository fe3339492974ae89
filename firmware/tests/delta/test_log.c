/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The log over power cycles: what was relied upon is never lost, and its pages wear alike. */
#include <string.h>

#include "delta_device.h"
#include "page.h"
#include "place.h"
#include "unit.h"

enum { FIRST_POOL_PAGE = (REGION_METADATA_ADDRESS - FAKE_ADDRESS) / PAGE_BYTES };

static struct log_state relied;  /* the last state that the log said was settled */
static struct log_state written; /* the state that was being written last */
static uint64_t test_seed;

static bool same(const struct log_state *one, const struct log_state *other)
{
    return one->counter == other->counter && one->stage == other->stage && one->steps == other->steps &&
           one->closed == other->closed;
}

/* One boot: settle, then a few writes, each of which may be cut. */
static void write_states(void)
{
    struct log log = log_read();

    CHECK(same(&log.state, &relied) || same(&log.state, &written));
    if (log_settle(&log) != RESULT_OK) {
        return;
    }
    relied = log.state;
    written = log.state; /* whichever it was: the other one never comes back */
    for (uint32_t count = fake_random(&test_seed, 5); count > 0; count--) {
        struct log_state next = log.state;

        if (fake_random(&test_seed, 3) == 0) {
            next.counter++;
        } else {
            next.steps++;
            next.stage = (enum log_stage)(next.steps % 3);
        }
        written = next;
        if (log_write(&log, &next) != RESULT_OK) {
            return;
        }
        relied = log.state;
    }
}

TEST(log_survives_cuts, "Over thousands of cuts, metastable ones too, each boot reads what was relied upon last, or what was being written.")
{
    static const uint32_t RANGES[] = {12, 30, 90};

    for (uint32_t round = 0; round < 60; round++) {
        make_device();
        relied = device_state();
        written = relied;
        test_seed = round;
        for (int boot = 0; boot < 300; boot++) {
            fake.cut_at = fake_random(&test_seed, RANGES[round % 3]);
            fake.tear = (enum fake_tear)fake_random(&test_seed, FAKE_METASTABLE + 1);
            fake.tear = round % 2 == 0 ? FAKE_METASTABLE : fake.tear;
            fake.seed = test_seed;
            (void)fake_boot(write_states);
            CHECK_EQUAL(0, fake.misuses);
        }
    }
}

TEST(log_cuts_at_every_operation, "Cut at every operation of a move to the next page, and again in the boot after it, the state is the old or the new one.")
{
    for (uint32_t cut = 0; cut < 60; cut++) {
        for (uint32_t again = 0; again < 60; again++) {
            make_device();
            relied = device_state();
            written = relied;
            test_seed = 9;
            (void)fake_boot(write_states);
            for (int boot = 0; boot < 12; boot++) {
                (void)fake_boot(write_states);
            }
            fake.cut_at = cut;
            fake.tear = FAKE_METASTABLE;
            fake.seed = again + 1;
            (void)fake_boot(write_states);
            fake.cut_at = again;
            fake.tear = FAKE_METASTABLE;
            fake.seed = cut + 1;
            (void)fake_boot(write_states);
            for (int boot = 0; boot < 3; boot++) {
                (void)fake_boot(write_states);
                CHECK_EQUAL(0, fake.misuses);
            }
        }
    }
}

static uint32_t pages_to_rebuild;

/* An update without its checks: the same writes as rebuild.c and the boot after it make. */
static void simulate_update(void)
{
    struct log log = log_read();
    struct log_state next = log.state;
    struct page page;

    next.stage = LOG_STARTED;
    next.steps = 0;
    CHECK_EQUAL(RESULT_OK, log_write(&log, &next));
    for (uint32_t step = 0; step < pages_to_rebuild; step++) {
        CHECK_EQUAL(RESULT_OK, page_begin(&page, log_next_page(&log)));
        next = log.state;
        next.stage = LOG_BUILT;
        next.scratch = (uint8_t)page.number;
        next.cursor = next.scratch;
        CHECK_EQUAL(RESULT_OK, log_write(&log, &next));
        next = log.state;
        next.stage = LOG_STARTED;
        next.steps++;
        CHECK_EQUAL(RESULT_OK, log_write(&log, &next));
    }
    next = log.state;
    next.counter++;
    CHECK_EQUAL(RESULT_OK, log_write(&log, &next));
    next = log.state;
    next.stage = LOG_IDLE;
    CHECK_EQUAL(RESULT_OK, log_write(&log, &next));
}

TEST(log_wears_alike, "Over 200 updates no page of the pool is erased twice as often as another, whatever the size of the updates.")
{
    static const uint32_t SIZES[] = {0, 1, 2, 3, 5, 8, 33};

    for (uint32_t row = 0; row < sizeof SIZES / sizeof SIZES[0]; row++) {
        uint32_t erases[POOL_PAGES] = {0};
        uint32_t least = 0xFFFFFFFFu;
        uint32_t most = 0;

        make_device();
        pages_to_rebuild = SIZES[row];
        for (int update = 0; update < 200; update++) {
            CHECK_EQUAL(FAKE_RETURNED, fake_boot(simulate_update));
            for (uint32_t page = 0; page < POOL_PAGES; page++) {
                erases[page] += fake.erases[FIRST_POOL_PAGE + page];
            }
        }
        for (uint32_t page = 0; page < POOL_PAGES; page++) {
            least = erases[page] < least ? erases[page] : least;
            most = erases[page] > most ? erases[page] : most;
        }
        CHECK(least >= 1 || SIZES[row] == 0);
        CHECK(SIZES[row] == 0 ? most <= least + 1 : most <= 2 * least);
        CHECK_EQUAL(200, device_state().counter);
    }
}

TEST(log_counter_ends, "The counter takes every version below 2^48, and no other.")
{
    struct log_state state;

    make_device();
    state = device_state();
    state.counter = PLACE_VALUE_END - 1;
    device_write_log(&state);
    CHECK(device_state().counter == PLACE_VALUE_END - 1);
    CHECK_EQUAL(RESULT_ERROR_RANGE, place_write(REGION_METADATA_BYTES - PAGE_BYTES, 2, PLACE_VALUE_END));
}

TEST(log_page_like_a_log, "A page of the application that begins like a log page is not taken for one, and is put in its place as it was.")
{
    uint8_t content[PAGE_BYTES];
    struct page page;

    make_device();
    memset(content, 0, sizeof content);
    CHECK_EQUAL(RESULT_OK, page_begin(&page, 1));
    CHECK_EQUAL(RESULT_OK, page_add(&page, content, sizeof content));
    CHECK_EQUAL(RESULT_OK, page_end(&page));
    CHECK(page.is_inverted);
    CHECK(!pool_is_log(1));
    CHECK_EQUAL(RESULT_OK, page_install(1, page.is_inverted, 0, sizeof content));
    CHECK_EQUAL(0, memcmp(device_flash(&LAYOUT_APPLICATION, 0), content, sizeof content));
}
