/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "device.h"
#include "journal.h"
#include "unit.h"

static void put_fresh_journal(uint32_t page, uint32_t sequence)
{
    device_put_journal_record(page, 0, JOURNAL_PENDING, 0);
    device_put_journal_header(page, sequence);
}

static void check_state(enum journal_stage stage, uint32_t pages, uint32_t copied)
{
    const struct journal journal = journal_read();

    CHECK_EQUAL(stage, journal.stage);
    CHECK_EQUAL(pages, journal.pages);
    CHECK_EQUAL(copied, journal.copied);
}

TEST(journal_of_a_new_device, "Without a valid header nothing is pending, and nothing can be appended.")
{
    struct journal journal = journal_read();

    CHECK_EQUAL(JOURNAL_STAGE_IDLE, journal.stage);
    CHECK_EQUAL(RESULT_ERROR_RANGE, journal_append(&journal, JOURNAL_CLOSED, 0));
    device_put_journal_record(2, 0, JOURNAL_PENDING, 0);
    CHECK_EQUAL(JOURNAL_STAGE_IDLE, journal_read().stage);
    CHECK_EQUAL(0, fake.operations);
}

TEST(journal_stages, "An update goes from pending to started to copied to closed, in RAM as in flash.")
{
    static const struct {
        enum journal_kind kind;
        uint16_t value;
        enum journal_stage stage;
        uint16_t copied;
    } STEPS[] = {
        {JOURNAL_STARTED, 2, JOURNAL_STAGE_STARTED, 0},
        {JOURNAL_COPIED, 1, JOURNAL_STAGE_STARTED, 1},
        {JOURNAL_COPIED, 2, JOURNAL_STAGE_COPIED, 2},
        {JOURNAL_CLOSED, 0, JOURNAL_STAGE_IDLE, 2},
    };
    struct journal journal;

    put_fresh_journal(2, 1);
    check_state(JOURNAL_STAGE_PENDING, 0, 0);
    journal = journal_read();
    for (uint32_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
        CHECK_EQUAL(RESULT_OK, journal_append(&journal, STEPS[i].kind, STEPS[i].value));
        CHECK_EQUAL(STEPS[i].stage, journal.stage);
        check_state(STEPS[i].stage, 2, STEPS[i].copied);
    }
}

TEST(journal_ignores_nonsense, "Records that make no sense where they stand change nothing.")
{
    put_fresh_journal(2, 1);
    device_put_journal_record(2, 0, JOURNAL_COPIED, 3);
    device_put_journal_record(2, 1, JOURNAL_STARTED, 3);
    device_put_journal_record(2, 2, JOURNAL_PENDING, 1);
    check_state(JOURNAL_STAGE_IDLE, 0, 0);
    device_put_journal_record(2, 3, JOURNAL_PENDING, 0);
    device_put_journal_record(2, 4, JOURNAL_STARTED, 0);
    check_state(JOURNAL_STAGE_PENDING, 0, 0);
    device_put_journal_record(2, 5, JOURNAL_STARTED, 3);
    device_put_journal_record(2, 6, JOURNAL_COPIED, 4);
    device_put_journal_record(2, 7, 0, 0);
    device_put_journal_record(2, 8, 0xFFFF, 0xFFFF);
    check_state(JOURNAL_STAGE_STARTED, 3, 0);
}

TEST(journal_skips_torn_records, "A torn record is skipped, and the next one goes behind it.")
{
    struct journal journal;

    put_fresh_journal(2, 1);
    device_put_torn(2 * PAGE_BYTES + 8 + 8, 8);
    journal = journal_read();
    CHECK_EQUAL(RESULT_OK, journal_append(&journal, JOURNAL_STARTED, 5));
    CHECK_EQUAL(0, fake.misuses);
    CHECK_EQUAL(JOURNAL_STARTED, device_flash(&LAYOUT_METADATA, 2 * PAGE_BYTES + 8 + 16)[0]);
    check_state(JOURNAL_STAGE_STARTED, 5, 0);
}

TEST(journal_takes_the_later_page, "The page with the later sequence number is active, also where the numbers wrap.")
{
    static const uint32_t PAIRS[][2] = {{1, 2}, {2, 1}, {0xFFFFFFFFu, 0}, {0, 0xFFFFFFFFu}, {0x7FFFFFFFu, 0x80000000u}};

    for (uint32_t i = 0; i < sizeof PAIRS / sizeof PAIRS[0]; i++) {
        const uint32_t later = (PAIRS[i][1] - PAIRS[i][0]) < 0x80000000u ? 3 : 2;

        make_device();
        device_put_journal_header(2, PAIRS[i][0]);
        device_put_journal_header(3, PAIRS[i][1]);
        CHECK_EQUAL(later, journal_read().page);
    }
    make_device();
    device_put_journal_header(3, 7);
    device_put_torn(2 * PAGE_BYTES, 8);
    CHECK_EQUAL(3, journal_read().page);
}

static uint16_t copied_target;

static void append_copied(void)
{
    struct journal journal = journal_read();

    CHECK_EQUAL(RESULT_OK, journal_append(&journal, JOURNAL_COPIED, copied_target));
}

/* A page with an update under way, 3 of 9 pages copied, and its last `places` places blank. */
static void put_full_journal(uint32_t page, uint32_t sequence, uint32_t places)
{
    put_fresh_journal(page, sequence);
    device_put_journal_record(page, 1, JOURNAL_STARTED, 9);
    device_put_journal_record(page, 2, JOURNAL_COPIED, 3);
    for (uint32_t index = 3; index < DEVICE_JOURNAL_RECORDS - places; index++) {
        device_put_torn(page * PAGE_BYTES + 8 + index * 8, 8);
    }
}

TEST(journal_moves_when_full, "A full page hands its state to the other one, and the sequence number wraps.")
{
    const uint32_t other = (REGION_METADATA_ADDRESS - FAKE_ADDRESS) / PAGE_BYTES + 3;

    copied_target = 4;
    put_full_journal(2, 0xFFFFFFFFu, 1);
    CHECK_EQUAL(FAKE_RETURNED, fake_boot(append_copied));
    CHECK_EQUAL(2, journal_read().page);
    copied_target = 5;
    CHECK_EQUAL(FAKE_RETURNED, fake_boot(append_copied));
    CHECK_EQUAL(3, journal_read().page);
    CHECK_EQUAL(0, journal_read().sequence);
    CHECK_EQUAL(1, fake.erases[other]);
    check_state(JOURNAL_STAGE_STARTED, 9, 5);
}

TEST(journal_survives_cuts_of_its_move, "Cut at every operation of a move, the state is the old one or the new one, and the next append works.")
{
    uint32_t cuts = 0;

    copied_target = 4;
    for (uint32_t tear = 0; tear < FAKE_TEARS; tear++) {
        for (uint32_t cut = 0;; cut++) {
            make_device();
            put_full_journal(3, 8, 0);
            device_put_journal_header(2, 7);
            fake.cut_at = cut;
            fake.tear = (enum fake_tear)tear;
            fake.seed = cut;
            if (fake_boot(append_copied) == FAKE_RETURNED) {
                break;
            }
            cuts++;
            check_state(JOURNAL_STAGE_STARTED, 9, journal_read().copied);
            CHECK(journal_read().copied == 3 || journal_read().copied == 4);
            CHECK_EQUAL(FAKE_RETURNED, fake_boot(append_copied));
            CHECK_EQUAL(0, fake.misuses);
            check_state(JOURNAL_STAGE_STARTED, 9, 4);
        }
    }
    /* One erase, three records, a header and the record that did not fit. */
    CHECK_EQUAL(FAKE_TEARS * (1 + 5 * DEVICE_JOURNAL_OPERATIONS), cuts);
}

TEST(journal_survives_any_number_of_cuts, "Through thousands of cuts in a row the state never changes but for the record being written.")
{
    uint64_t seed = 11;
    uint16_t done = 3;

    put_full_journal(2, 1, 0);
    for (int round = 0; round < 20000; round++) {
        copied_target = (uint16_t)(done == 8 ? 1 : done + 1);
        fake.cut_at = fake_random(&seed, 30);
        fake.tear = (enum fake_tear)fake_random(&seed, FAKE_TEARS);
        fake.seed = seed;
        (void)fake_boot(append_copied);
        CHECK_EQUAL(0, fake.misuses);
        check_state(JOURNAL_STAGE_STARTED, 9, journal_read().copied);
        CHECK(journal_read().copied == done || journal_read().copied == copied_target);
        done = journal_read().copied;
    }
}
