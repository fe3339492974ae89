/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Modules installed and replaced, and power cuts: whatever is cut, the module that runs is whole, and never one that was replaced. */
#include <string.h>

#include "result.h"
#include "store_device.h"
#include "unit.h"

static void check_settled(uint64_t version)
{
    CHECK_EQUAL(version, ran_last);
    CHECK_EQUAL(LOG_IDLE, device_state().stage);
    CHECK_EQUAL(version, device_state().counter);
    CHECK_EQUAL(0, fake.misuses);
    CHECK_EQUAL(FAKE_RETURNED, run_boot());
    CHECK_EQUAL(0, fake.operations);
    CHECK_EQUAL(version, ran_last);
}

TEST(store_installs, "A staged module is installed in the other bank, wherever the old one is, and the next boot writes nothing.")
{
    for (uint32_t bank = 0; bank < 2; bank++) {
        make_staged_store(bank, STORE_V2);
        CHECK_EQUAL(FAKE_RETURNED, run_boot());
        CHECK_EQUAL(1, ran_first);
        CHECK_EQUAL(RESULT_OK, installed_with);
        check_settled(2);
        CHECK(stage(STORE_V3));
        CHECK_EQUAL(FAKE_RETURNED, run_boot());
        CHECK_EQUAL(2, ran_first);
        check_settled(3);
    }
}

TEST(store_refuses, "A refused module changes nothing but the log, which says why, and the old one runs.")
{
    static const struct {
        enum store_image staged;
        enum result expected;
    } ROWS[] = {
        {STORE_V1, RESULT_VERSION},        {STORE_LAST, RESULT_VERSION}, {STORE_ALTERED, RESULT_SIGNATURE}, {STORE_FOREIGN, RESULT_KEY},
        {STORE_HARDWARE, RESULT_HARDWARE}, {STORE_WILD, RESULT_MODULE},  {STORE_YOUNG, RESULT_MODULE},      {STORE_LARGE, RESULT_MODULE},
        {STORE_ODD, RESULT_ENTRY},         {STORE_BEHIND, RESULT_ENTRY},   {STORE_IMAGE, RESULT_FLAGS},
    };

    for (uint32_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        make_staged_store(0, ROWS[i].staged);
        CHECK_EQUAL(FAKE_RETURNED, run_boot());
        CHECK_EQUAL(ROWS[i].expected, installed_with);
        CHECK_EQUAL(ROWS[i].expected, device_state().closed);
        for (uint32_t page = 0; page < FAKE_PAGES; page++) {
            CHECK_EQUAL(0, fake.erases[page]);
        }
        check_settled(1);
    }
}

TEST(store_runs_what_the_counter_names, "A bank that verifies and has another version than the counter is not run: neither older nor newer.")
{
    make_staged_store(0, STORE_V1);
    device_put_image(&LAYOUT_APPLICATION, STORE_V2);
    CHECK_EQUAL(FAKE_RETURNED, run_boot());
    CHECK_EQUAL(0, ran_last);
}

TEST(store_bank_complete, "A bank that the log calls complete becomes the installed one, without the slot.")
{
    make_complete_store(STORE_V2);
    memset(device_flash(&LAYOUT_SLOT, 0), 0xFF, LAYOUT_SLOT.size_bytes);
    CHECK_EQUAL(FAKE_RETURNED, run_boot());
    CHECK_EQUAL(2, ran_first);
    check_settled(2);
}

TEST(store_bank_lost, "If a complete bank does not verify any more the old module stays, and the log says why.")
{
    make_complete_store(STORE_ALTERED);
    CHECK_EQUAL(FAKE_RETURNED, run_boot());
    CHECK_EQUAL(RESULT_SIGNATURE, device_state().closed);
    check_settled(1);
}

TEST(store_installed_lost, "If the installed module does not verify any more none runs: the one that it replaced does not come back.")
{
    make_complete_store(STORE_V2);
    CHECK_EQUAL(FAKE_RETURNED, run_boot());
    *device_flash(&LAYOUT_APPLICATION, LAYOUT_APPLICATION.size_bytes / 2 + 200) ^= 1u;
    CHECK_EQUAL(FAKE_RETURNED, run_boot());
    CHECK_EQUAL(0, ran_last);
    CHECK_EQUAL(0, fake.operations);
}

static uint32_t operations_of(enum store_image staged)
{
    make_staged_store(0, staged);
    (void)run_boot();
    return fake.operations;
}

TEST(store_cuts, "Cut at every operation of an installation, with each tear in turn, metastable cells among them, the next boot finishes it.")
{
    const uint32_t operations = operations_of(STORE_V2);

    for (uint32_t cut = 0; cut < operations; cut++) {
        make_staged_store(0, STORE_V2);
        fake.cut_at = cut;
        fake.tear = (enum fake_tear)(cut % (FAKE_METASTABLE + 1));
        fake.seed = cut * 7u + 1u;
        CHECK_EQUAL(FAKE_CUT, run_boot());
        CHECK_EQUAL(FAKE_RETURNED, run_boot());
        CHECK(ran_first != 0);
        check_settled(2);
    }
}

TEST(store_cuts_of_a_refusal, "Cut at every operation of a refusal, the old module still runs, and the log says why.")
{
    const uint32_t operations = operations_of(STORE_FOREIGN);

    for (uint32_t cut = 0; cut < operations; cut++) {
        for (int tear = 0; tear <= FAKE_METASTABLE; tear++) {
            make_staged_store(0, STORE_FOREIGN);
            fake.cut_at = cut;
            fake.tear = (enum fake_tear)tear;
            fake.seed = cut;
            CHECK_EQUAL(FAKE_CUT, run_boot());
            CHECK_EQUAL(FAKE_RETURNED, run_boot());
            CHECK_EQUAL(RESULT_KEY, device_state().closed);
            check_settled(1);
        }
    }
}

/* Cut one boot after the other; in each, some module runs, and none that was replaced. */
static void cut_repeatedly(uint32_t operations, int depth, uint64_t *seed, uint64_t *floor)
{
    for (int cut = 0; cut < depth; cut++) {
        fake.cut_at = fake_random(seed, operations);
        fake.tear = (enum fake_tear)fake_random(seed, FAKE_METASTABLE + 1);
        fake.seed = *seed;
        (void)run_boot();
        CHECK_EQUAL(0, fake.misuses);
        CHECK(ran_first == 0 || ran_first >= *floor); /* 0: cut while the log was settled */
        CHECK(ran_last >= ran_first);
        *floor = ran_last > *floor ? ran_last : *floor;
    }
}

static void cut_updates(uint32_t operations, int depth, uint64_t *seed)
{
    uint64_t floor = 1;

    make_staged_store(fake_random(seed, 2), STORE_V2);
    cut_repeatedly(operations, depth, seed, &floor);
    CHECK_EQUAL(FAKE_RETURNED, run_boot());
    CHECK(ran_first >= floor);
    CHECK_EQUAL(2, ran_last);
    floor = 2;
    fake.cut_at = fake_random(seed, 80);
    fake.tear = FAKE_METASTABLE;
    fake.seed = *seed;
    if (!stage(STORE_V3)) {
        CHECK(stage(STORE_V3));
    }
    cut_repeatedly(operations, depth, seed, &floor);
    CHECK_EQUAL(FAKE_RETURNED, run_boot());
    check_settled(3);
}

TEST(store_cuts_in_series, "Two cuts in a row, and twenty, drawn at random over two updates, are survived.")
{
    const uint32_t operations = operations_of(STORE_V2);
    uint64_t seed = 11;

    for (int round = 0; round < 150; round++) {
        cut_updates(operations, 2, &seed);
        cut_updates(90, 2, &seed);
    }
    for (int round = 0; round < 10; round++) {
        cut_updates(operations, 20, &seed);
        cut_updates(90, 20, &seed);
    }
}
