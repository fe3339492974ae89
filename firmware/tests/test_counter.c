/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "counter.h"

#include <string.h>

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
    for (uint32_t place = first; place < DEVICE_COUNTER_PLACES; place++) {
        device_put_torn(page * PAGE_BYTES + place * DEVICE_COUNTER_PLACE_BYTES, DEVICE_COUNTER_PLACE_BYTES);
    }
}

static void advance_to(uint64_t value)
{
    target = value;
    CHECK_EQUAL(FAKE_RETURNED, fake_boot(advance));
    CHECK_EQUAL(value, counter_read().value);
    CHECK(counter_read().confirmed);
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
    for (uint64_t value = 1; value <= 8 * DEVICE_COUNTER_PLACES; value++) {
        advance_to(value);
        CHECK_EQUAL((value - 1) / DEVICE_COUNTER_PLACES % 2, counter_read().page);
        CHECK_EQUAL(value > 1 && value % DEVICE_COUNTER_PLACES == 1,
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

TEST(counter_page_of_torn_records, "Pages without one valid place, one of them full, take the first value.")
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

TEST(counter_ignores_order, "The greatest place counts, wherever it stands.")
{
    device_put_counter(1, 3, 9);
    device_put_counter(0, 0, 4);
    CHECK_EQUAL(9, counter_read().value);
    CHECK_EQUAL(1, counter_read().page);
    advance_to(10);
    CHECK_EQUAL(10, device_flash(&LAYOUT_METADATA, PAGE_BYTES + 4 * DEVICE_COUNTER_PLACE_BYTES)[0]);
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

TEST(counter_needs_a_witness, "A value without a witness does not count; one with a torn witness counts, and is written again.")
{
    uint8_t *witness = device_flash(&LAYOUT_METADATA, DEVICE_COUNTER_PLACE_BYTES + 16);

    device_put_counter(0, 0, 4);
    device_put_counter(0, 1, 5);
    CHECK(counter_read().confirmed);

    device_put_torn(DEVICE_COUNTER_PLACE_BYTES + 16, 16);
    CHECK_EQUAL(5, counter_read().value);
    CHECK(!counter_read().confirmed);
    advance_to(5);
    CHECK_EQUAL(DEVICE_COUNTER_OPERATIONS, fake.operations);

    make_device();
    device_put_counter(0, 0, 4);
    device_put_counter(0, 1, 5);
    memset(witness, 0xFF, 16);
    CHECK_EQUAL(4, counter_read().value);
    CHECK(counter_read().confirmed);
    advance_to(5);
}

TEST(counter_stays_in_the_page_it_moved_to, "A value that both pages hold is continued in the lower place, where there is room.")
{
    for (uint32_t page = 0; page < 2; page++) {
        make_device();
        device_put_counter(page, DEVICE_COUNTER_PLACES - 1, 5);
        device_put_counter(1 - page, 0, 5);
        CHECK_EQUAL(1 - page, counter_read().page);
        advance_to(6);
        CHECK_EQUAL(DEVICE_COUNTER_OPERATIONS, fake.operations);
    }
}

/* Program units that a cut left half way: each boot reads them now so, now so, until something is done about them. */
enum { HALF_WAY_MAX = 512 };

struct half_way {
    uint32_t address;
    uint8_t target[PROGRAM_BYTES];
    uint8_t read[PROGRAM_BYTES]; /* in the boot under way */
};

static struct half_way half_way[HALF_WAY_MAX];
static uint32_t half_way_count;

static uint8_t *cells_of(const struct half_way *unit)
{
    return fake.flash + (unit->address - FAKE_ADDRESS);
}

static void power_up(uint64_t *seed)
{
    for (uint32_t i = 0; i < half_way_count; i++) {
        for (uint32_t byte = 0; byte < PROGRAM_BYTES; byte++) {
            const uint32_t ones = fake_random(seed, 3) == 0 ? fake_random(seed, 256) : fake_random(seed, 2) * 255u;

            half_way[i].read[byte] = (uint8_t)(half_way[i].target[byte] | ones);
        }
        memcpy(cells_of(&half_way[i]), half_way[i].read, PROGRAM_BYTES);
    }
}

/* Forget the units that were erased or programmed in the boot that just ended, and add the one that was cut. */
static void power_down(enum fake_end end)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < half_way_count; i++) {
        const bool erased = fake.erases[(half_way[i].address - FAKE_ADDRESS) / PAGE_BYTES] != 0;

        if (!erased && memcmp(cells_of(&half_way[i]), half_way[i].read, PROGRAM_BYTES) == 0) {
            half_way[kept++] = half_way[i];
        }
    }
    if (end == FAKE_CUT && !fake.last_was_erase) {
        CHECK(kept < HALF_WAY_MAX);
        half_way[kept].address = fake.last_address;
        memcpy(half_way[kept].target, cells_of(&half_way[kept]), PROGRAM_BYTES);
        kept++;
    }
    half_way_count = kept;
}

TEST(counter_reads_now_so_now_so, "Cut again and again, each time in a unit that reads differently from boot to boot, the counter keeps what was relied on.")
{
    uint64_t seed = 11;
    uint64_t relied_on = 0;
    uint32_t cuts = 0;

    half_way_count = 0;
    for (int round = 0; round < 20000; round++) {
        enum fake_end end;

        power_up(&seed);
        CHECK(counter_read().value >= relied_on && counter_read().value <= relied_on + 1);
        target = relied_on + (fake_random(&seed, 2) == 0 || counter_read().value > relied_on ? 1 : 0);
        if (fake_random(&seed, 2) == 0) {
            fake.cut_at = fake_random(&seed, DEVICE_COUNTER_OPERATIONS + 1);
            fake.tear = FAKE_ALL;
        }
        end = fake_boot(advance);
        CHECK_EQUAL(0, fake.misuses);
        relied_on = end == FAKE_RETURNED ? target : relied_on;
        cuts += end == FAKE_CUT;
        power_down(end);
    }
    CHECK(relied_on > 1000 && cuts > 1000);
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
