/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Patches applied in place, and power cuts: every operation of an update with every tear, then reboots until the device settles. */
#include <string.h>

#include "delta_device.h"
#include "result.h"
#include "unit.h"

static void check_running(enum delta_image image, uint64_t version)
{
    CHECK(device_holds(&LAYOUT_APPLICATION, image));
    CHECK_EQUAL(version, device_state().counter);
    CHECK_EQUAL(LOG_IDLE, device_state().stage);
    CHECK_EQUAL(0, fake.misuses);
}

static void check_settled(void)
{
    check_running(DELTA_V2, 2);
    CHECK_EQUAL(0, device_state().closed);
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    CHECK_EQUAL(0, fake.operations);
}

TEST(rebuild_updates, "A staged patch is applied, the counter follows, the log is closed, and the next boot writes nothing.")
{
    make_staged_device(DELTA_PATCH);
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    CHECK_EQUAL(0, fake.uart_bytes);
    check_settled();
}

TEST(rebuild_refuses, "A refused patch changes nothing but the log, which says why, and the old application runs.")
{
    static const struct {
        enum delta_image patch;
        enum result expected;
    } ROWS[] = {
        {DELTA_PATCH_BASE, RESULT_BASE},     {DELTA_PATCH_FOREIGN, RESULT_KEY}, {DELTA_PATCH_OLD, RESULT_VERSION},
        {DELTA_PATCH_BROKEN, RESULT_PATCH},  {DELTA_PATCH_LAST, RESULT_VERSION}, {DELTA_V2, RESULT_FLAGS},
        {DELTA_V1, RESULT_FLAGS},
    };

    for (uint32_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        make_staged_device(ROWS[i].patch);
        CHECK_EQUAL(FAKE_STARTED, run_boot());
        check_running(DELTA_V1, 1);
        CHECK_EQUAL(ROWS[i].expected, device_state().closed);
        CHECK_EQUAL(FAKE_STARTED, run_boot());
        CHECK_EQUAL(0, fake.operations);
    }
}

TEST(rebuild_other_target, "A patch that makes another target than it names starts nothing, and nothing more is written, however often the device starts.")
{
    make_staged_device(DELTA_PATCH_TARGET);
    CHECK_EQUAL(FAKE_RECOVERING, run_boot());
    for (int boot = 0; boot < 3; boot++) {
        CHECK_EQUAL(FAKE_RECOVERING, run_boot());
        CHECK_EQUAL(0, fake.operations);
        CHECK_EQUAL(1, device_state().counter);
    }
}

TEST(rebuild_application_past_the_counter, "An application whose version the counter has no place for is not started; the device says why, and writes nothing.")
{
    const struct log_state state = {1, LOG_IDLE, RESULT_OK, 0, 0, false, 0, 0, 0};

    make_device();
    device_put_image(&LAYOUT_APPLICATION, DELTA_V_PAST_LAST);
    device_write_log(&state);
    CHECK_EQUAL(FAKE_RECOVERING, run_boot());
    CHECK(strstr(fake.uart, "application: version (8)") != NULL);
    CHECK_EQUAL(0, fake.operations);
}

TEST(rebuild_slot_spoiled_half_way, "A patch that is spoiled half way starts nothing; put back, it finishes the update.")
{
    make_staged_device(DELTA_PATCH);
    fake.cut_at = 2 * PAGE_BYTES / PROGRAM_BYTES + 100;
    fake.tear = FAKE_MOST;
    CHECK_EQUAL(FAKE_CUT, run_boot());
    *device_flash(&LAYOUT_SLOT, 200) ^= 1u;
    CHECK_EQUAL(FAKE_RECOVERING, run_boot());
    CHECK_EQUAL(0, fake.operations);
    *device_flash(&LAYOUT_SLOT, 200) ^= 1u;
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    check_settled();
}

TEST(rebuild_slot_lost_after_the_last_page, "Once the log says complete, the patch is not needed any more.")
{
    struct log_state state;

    make_staged_device(DELTA_PATCH);
    state = device_state();
    state.stage = LOG_COMPLETE;
    device_write_log(&state);
    device_put_image(&LAYOUT_APPLICATION, DELTA_V2);
    memset(device_flash(&LAYOUT_SLOT, 0), 0xFF, REGION_SLOT_BYTES);
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    check_settled();
}

TEST(rebuild_writes_each_cell_once, "From an erase to the next no cell is programmed twice.")
{
    make_staged_device(DELTA_PATCH);
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    for (uint32_t unit = 0; unit < FAKE_BYTES / PROGRAM_BYTES; unit++) {
        CHECK(fake.writes[unit] <= 1);
    }
}

static uint32_t operations_of(enum delta_image patch)
{
    make_staged_device(patch);
    (void)run_boot();
    return fake.operations;
}

TEST(rebuild_cuts, "Cut at every operation of an update, with each tear in turn, the next boot finishes it.")
{
    const uint32_t operations = operations_of(DELTA_PATCH);

    for (uint32_t cut = 0; cut < operations; cut++) {
        make_staged_device(DELTA_PATCH);
        fake.cut_at = cut;
        fake.tear = (enum fake_tear)(cut % (FAKE_METASTABLE + 1));
        fake.seed = cut * 7u + 1u;
        CHECK_EQUAL(FAKE_CUT, run_boot());
        CHECK_EQUAL(cut, fake.operations);
        CHECK_EQUAL(FAKE_STARTED, run_boot());
        check_running(DELTA_V2, 2);
    }
}

TEST(rebuild_cuts_of_a_refusal, "Cut at every operation of a refusal, the old application still runs.")
{
    const uint32_t operations = operations_of(DELTA_PATCH_FOREIGN);

    for (uint32_t cut = 0; cut < operations; cut++) {
        for (int tear = 0; tear <= FAKE_METASTABLE; tear++) {
            make_staged_device(DELTA_PATCH_FOREIGN);
            fake.cut_at = cut;
            fake.tear = (enum fake_tear)tear;
            fake.seed = cut;
            CHECK_EQUAL(FAKE_CUT, run_boot());
            CHECK_EQUAL(FAKE_STARTED, run_boot());
            check_running(DELTA_V1, 1);
            CHECK_EQUAL(RESULT_KEY, device_state().closed);
        }
    }
}

static void cut_repeatedly(uint32_t operations, int depth, uint64_t *seed)
{
    make_staged_device(DELTA_PATCH);
    for (int cut = 0; cut < depth; cut++) {
        fake.cut_at = fake_random(seed, operations);
        fake.tear = (enum fake_tear)fake_random(seed, FAKE_METASTABLE + 1);
        fake.seed = *seed;
        (void)run_boot();
        CHECK_EQUAL(0, fake.misuses);
    }
    CHECK_EQUAL(FAKE_STARTED, run_until_settled());
    check_running(DELTA_V2, 2);
}

TEST(rebuild_cuts_in_series, "Two cuts in a row, and forty, drawn at random, cells left unsure among them, are survived.")
{
    const uint32_t operations = operations_of(DELTA_PATCH);
    uint64_t seed = 5;

    for (int round = 0; round < 400; round++) {
        cut_repeatedly(operations, 2, &seed);
    }
    for (int round = 0; round < 20; round++) {
        cut_repeatedly(operations, 40, &seed);
        cut_repeatedly(60, 40, &seed);
    }
}
