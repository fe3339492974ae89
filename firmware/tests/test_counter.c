/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "counter.h"
#include "device.h"
#include "unit.h"

static uint64_t target;

static void advance(void)
{
    struct counter counter = counter_read();

    CHECK_EQUAL(RESULT_OK, counter_advance(&counter, target));
    CHECK_EQUAL(target, counter.value);
}

static void fill_with_torn(uint32_t page, uint32_t first)
{
    for (uint32_t index = first; index < DEVICE_COUNTER_RECORDS; index++) {
        device_put_torn(page * PAGE_BYTES + index * 16, 16);
    }
}

static void advance_to(uint64_t value)
{
    target = value;
    CHECK_EQUAL(FAKE_RETURNED, fake_boot(advance));
    CHECK_EQUAL(value, counter_read().value);
    CHECK_EQUAL(0, fake.misuses);
}

TEST(counter_starts_at_zero, "A new device counts from 0.")
{
    CHECK_EQUAL(0, counter_read().value);
    advance_to(1);
    advance_to(2);
    CHECK_EQUAL(DEVICE_COUNTER_OPERATIONS, fake.operations);
}

TEST(counter_never_goes_back, "Advancing to a value that is not greater does nothing.")
{
    struct counter counter;

    advance_to(5);
    counter = counter_read();
    fake.operations = 0;
    CHECK_EQUAL(RESULT_OK, counter_advance(&counter, 5));
    CHECK_EQUAL(RESULT_OK, counter_advance(&counter, 4));
    CHECK_EQUAL(0, fake.operations);
    CHECK_EQUAL(5, counter_read().value);
}

TEST(counter_extremes, "Values whose halves are all ones or all zeros are held, up to the greatest.")
{
    advance_to(0x00000000FFFFFFFFu);
    advance_to(0xFFFFFFFF00000000u);
    advance_to(0xFFFFFFFFFFFFFFFFu);
    advance_to(0xFFFFFFFFFFFFFFFFu);
}

TEST(counter_rotates_for_ever, "Values for eight pages use both pages in turn, and each rotation erases the other page.")
{
    for (uint64_t value = 1; value <= 8 * DEVICE_COUNTER_RECORDS; value++) {
        advance_to(value);
        CHECK_EQUAL((value - 1) / DEVICE_COUNTER_RECORDS % 2, counter_read().page);
        CHECK_EQUAL(value > 1 && value % DEVICE_COUNTER_RECORDS == 1,
                    fake.erases[(REGION_METADATA_ADDRESS - FAKE_ADDRESS) / PAGE_BYTES + counter_read().page]);
    }
}

TEST(counter_rotation_erases_blank_pages_too, "A page that only reads erased is erased before it is used.")
{
    device_put_counter(0, 0, 7);
    fill_with_torn(0, 1);
    advance_to(8);
    CHECK_EQUAL(1, fake.erases[(REGION_METADATA_ADDRESS - FAKE_ADDRESS) / PAGE_BYTES + 1]);
    CHECK_EQUAL(1, counter_read().page);
}

TEST(counter_page_of_torn_records, "Pages without one valid record, one of them full, take the first value.")
{
    fill_with_torn(0, 0);
    CHECK_EQUAL(0, counter_read().value);
    advance_to(1);
    CHECK_EQUAL(1, counter_read().page);

    make_device();
    fill_with_torn(0, 0);
    fill_with_torn(1, 0);
    advance_to(1);
}

TEST(counter_ignores_order, "The greatest record counts, wherever it stands.")
{
    device_put_counter(1, 3, 9);
    device_put_counter(0, 0, 4);
    CHECK_EQUAL(9, counter_read().value);
    CHECK_EQUAL(1, counter_read().page);
    advance_to(10);
    CHECK_EQUAL(10, device_flash(&LAYOUT_METADATA, PAGE_BYTES + 4 * 16)[0]);
}

TEST(counter_reports_a_bad_cell, "A cell that does not take its value is an error, and the counter in RAM stays.")
{
    struct counter counter = counter_read();

    fake.fail_at = 0;
    CHECK_EQUAL(RESULT_ERROR_MISMATCH, counter_advance(&counter, 3));
    CHECK_EQUAL(0, counter.value);
    fake.fail_at = FAKE_NEVER;
    advance_to(3);
}

TEST(counter_survives_any_number_of_cuts, "Through thousands of cuts the counter never falls, never overshoots, and advances in the end.")
{
    uint64_t seed = 3;
    uint64_t value = 1;

    advance_to(1);
    for (int round = 0; round < 20000; round++) {
        const uint64_t before = counter_read().value;

        target = value + 1;
        fake.cut_at = fake_random(&seed, DEVICE_COUNTER_OPERATIONS + 2);
        fake.tear = (enum fake_tear)fake_random(&seed, FAKE_TEARS);
        fake.seed = seed;
        if (fake_boot(advance) == FAKE_RETURNED) {
            value++;
        }
        CHECK_EQUAL(0, fake.misuses);
        CHECK(counter_read().value >= before && counter_read().value <= target);
        CHECK(counter_read().value >= value);
    }
    CHECK(value > 1000);
}
