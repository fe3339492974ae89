/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Power cuts: every operation of an update with every tear, then reboots until the device settles. */
#include <string.h>

#include "counter.h"
#include "device.h"
#include "journal.h"
#include "unit.h"

typedef void (*make_function)(void);

static uint8_t protected_before[REGION_APPLICATION_ADDRESS - FAKE_ADDRESS];

static void remember_protected(void)
{
    memcpy(protected_before, fake.flash, sizeof protected_before);
}

static void check_settled(enum device_image image, uint64_t version)
{
    CHECK(device_holds(&LAYOUT_APPLICATION, image));
    CHECK_EQUAL(version, counter_read().value);
    CHECK_EQUAL(JOURNAL_STAGE_IDLE, journal_read().stage);
    CHECK_EQUAL(0, fake.misuses);
    CHECK_EQUAL(0, memcmp(protected_before, fake.flash, sizeof protected_before));
    for (uint32_t page = 0; page < FAKE_PAGES; page++) {
        CHECK(fake.erases[page] <= 1);
    }
}

static uint32_t operations_of(make_function make)
{
    make();
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    return fake.operations;
}

/* Cut the first boot at every operation with every tear; the device must reach the given end. Returns the cuts made. */
static uint32_t sweep(make_function make, enum device_image image, uint64_t version)
{
    const uint32_t operations = operations_of(make);
    uint32_t cuts = 0;

    for (uint32_t cut = 0; cut < operations; cut++) {
        for (int tear = 0; tear < FAKE_TEARS; tear++) {
            const uint64_t counter_before = (make(), counter_read().value);

            remember_protected();
            fake.cut_at = cut;
            fake.tear = (enum fake_tear)tear;
            fake.seed = cut * 7u + 1u;
            CHECK_EQUAL(FAKE_CUT, run_boot());
            CHECK_EQUAL(cut, fake.operations);
            CHECK_EQUAL(0, fake.misuses);
            CHECK(counter_read().value >= counter_before);
            CHECK_EQUAL(FAKE_STARTED, run_boot());
            check_settled(image, version);
            cuts++;
        }
    }
    CHECK_EQUAL(operations * FAKE_TEARS, cuts);
    return cuts;
}

static void make_update(void)
{
    make_staged_device(IMAGE_V2);
}

static void make_refusal(void)
{
    make_staged_device(IMAGE_V2_FOREIGN);
}

static void make_counter_full(void)
{
    make_staged_device(IMAGE_V2_MINIMAL);
    for (uint32_t place = 1; place < DEVICE_COUNTER_PLACES; place++) {
        device_put_torn(place * DEVICE_COUNTER_PLACE_BYTES, DEVICE_COUNTER_PLACE_BYTES);
    }
    device_put_torn(PAGE_BYTES, 16); /* the other page is not blank either */
}

static void make_journal_full(uint32_t places)
{
    make_staged_device(IMAGE_V2_MINIMAL);
    for (uint32_t index = 1; index < DEVICE_JOURNAL_RECORDS - places; index++) {
        device_put_torn(2 * PAGE_BYTES + 8 + index * 8, 8);
    }
    device_put_journal_header(3, 0);
    device_put_journal_record(3, 0, JOURNAL_PENDING, 0);
}

static void make_journal_without_place(void)
{
    make_journal_full(0);
}

static void make_journal_with_one_place(void)
{
    make_journal_full(1);
}

static void make_journal_with_two_places(void)
{
    make_journal_full(2);
}

TEST(cuts_of_an_update, "Cut at every operation of an update with every tear, the next boot finishes it.")
{
    /* Three pages, `started`, three `copied`, `closed`, the counter; the last byte of the image needs a unit of its own. */
    const uint32_t units = (device_image_bytes(IMAGE_V2) + PROGRAM_BYTES - 1) / PROGRAM_BYTES;
    const uint32_t records = 5 * DEVICE_JOURNAL_OPERATIONS + DEVICE_COUNTER_OPERATIONS;

    CHECK_EQUAL((3 + units + records) * FAKE_TEARS, sweep(make_update, IMAGE_V2, 2));
}

TEST(cuts_of_a_refusal, "Cut at every operation of a refusal, the old application still runs and the journal is closed.")
{
    CHECK_EQUAL(DEVICE_JOURNAL_OPERATIONS * FAKE_TEARS, sweep(make_refusal, IMAGE_V1, 1));
}

TEST(cuts_with_a_full_counter_page, "Cuts of an update that moves the counter to its other page are survived too.")
{
    (void)sweep(make_counter_full, IMAGE_V2_MINIMAL, 2);
}

TEST(cuts_with_a_full_journal_page, "Cuts of an update that moves the journal are survived, wherever in the update it moves.")
{
    (void)sweep(make_journal_without_place, IMAGE_V2_MINIMAL, 2);
    (void)sweep(make_journal_with_one_place, IMAGE_V2_MINIMAL, 2);
    (void)sweep(make_journal_with_two_places, IMAGE_V2_MINIMAL, 2);
}

/* Cut the update again and again at random operations, then let it finish. */
static void cut_repeatedly(make_function make, uint32_t operations, enum device_image image, int depth, uint64_t *seed)
{
    uint64_t counter = (make(), counter_read().value);

    remember_protected();
    for (int cut = 0; cut < depth; cut++) {
        fake.cut_at = fake_random(seed, operations);
        fake.tear = (enum fake_tear)fake_random(seed, FAKE_TEARS);
        fake.seed = *seed;
        (void)run_boot();
        CHECK_EQUAL(0, fake.misuses);
        CHECK(counter_read().value >= counter);
        counter = counter_read().value;
    }
    CHECK_EQUAL(FAKE_STARTED, run_until_settled());
    check_settled(image, 2);
}

TEST(cuts_in_pairs, "Two cuts in a row, drawn at random, are survived.")
{
    const uint32_t operations = operations_of(make_update);
    uint64_t seed = 5;

    for (int round = 0; round < 1500; round++) {
        cut_repeatedly(make_update, operations, IMAGE_V2, 2, &seed);
    }
}

TEST(cuts_in_long_series, "Forty cuts in a row, often enough to fill the journal with torn records, are survived.")
{
    const uint32_t operations = operations_of(make_update);
    uint64_t seed = 6;

    for (int round = 0; round < 60; round++) {
        cut_repeatedly(make_update, operations, IMAGE_V2, 40, &seed);
        cut_repeatedly(make_counter_full, 40, IMAGE_V2_MINIMAL, 40, &seed);
        cut_repeatedly(make_journal_without_place, 40, IMAGE_V2_MINIMAL, 40, &seed);
    }
}

TEST(cuts_of_the_smallest_steps, "Cuts at the first operation of each boot, many in a row, neither wedge the update nor wear a page in one boot.")
{
    uint64_t seed = 7;

    for (int tear = 0; tear < FAKE_TEARS; tear++) {
        make_update();
        remember_protected();
        for (int boot = 0; boot < 300; boot++) {
            fake.cut_at = fake_random(&seed, 4);
            fake.tear = (enum fake_tear)tear;
            fake.seed = seed;
            CHECK_EQUAL(FAKE_CUT, run_boot());
        }
        CHECK_EQUAL(FAKE_STARTED, run_boot());
        check_settled(IMAGE_V2, 2);
    }
}
