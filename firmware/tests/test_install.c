/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <string.h>

#include "boot.h"
#include "bytes.h"
#include "counter.h"
#include "device.h"
#include "journal.h"
#include "unit.h"

static void check_running(enum device_image image, uint64_t version)
{
    CHECK(device_holds(&LAYOUT_APPLICATION, image));
    CHECK_EQUAL(version, counter_read().value);
    CHECK_EQUAL(JOURNAL_STAGE_IDLE, journal_read().stage);
    CHECK_EQUAL(REGION_APPLICATION_ADDRESS + 0x200, fake.vector_table_address);
    CHECK_EQUAL(0, fake.misuses);
}

/* Value of the last journal record of page 2 that is `closed`; -1 if there is none. */
static int closed_with(void)
{
    int value = -1;

    for (uint32_t index = 0; index < DEVICE_JOURNAL_RECORDS; index++) {
        const uint8_t *record = device_flash(&LAYOUT_METADATA, 2 * PAGE_BYTES + 8 + index * 8);

        if (load_u16(record) == JOURNAL_CLOSED) {
            value = load_u16(record + 2);
        }
    }
    return value;
}

TEST(install_updates, "Staged images of every size are installed, the counter follows, and the journal is closed.")
{
    static const struct {
        enum device_image image;
        uint64_t version;
    } ROWS[] = {{IMAGE_V2, 2}, {IMAGE_V2_FULL, 2}, {IMAGE_V2_MINIMAL, 2}, {IMAGE_V2_ANY, 2}, {IMAGE_LAST, UINT64_MAX}};

    for (uint32_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        make_staged_device(ROWS[i].image);
        CHECK_EQUAL(FAKE_STARTED, run_boot());
        check_running(ROWS[i].image, ROWS[i].version);
        CHECK_EQUAL(0, closed_with());
        CHECK_EQUAL(0, fake.uart_bytes);
        CHECK_EQUAL(FAKE_STARTED, run_boot());
        CHECK_EQUAL(0, fake.operations);
    }
}

TEST(install_copies_no_byte_beyond_the_image, "What follows the image in the slot is not copied, not even the bytes that fill its last program unit.")
{
    const uint32_t size_bytes = device_image_bytes(IMAGE_V2);

    make_staged_device(IMAGE_V2);
    CHECK_EQUAL(1, size_bytes % 2);
    memset(device_flash(&LAYOUT_SLOT, size_bytes), 0x00, 64);
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    for (uint32_t i = 0; i < 64; i++) {
        CHECK_EQUAL(0xFF, *device_flash(&LAYOUT_APPLICATION, size_bytes + i));
    }
}

TEST(install_erases_each_page_once, "An update erases each page that the image needs once, and no other page.")
{
    const uint32_t first = (REGION_APPLICATION_ADDRESS - FAKE_ADDRESS) / PAGE_BYTES;

    make_staged_device(IMAGE_V2);
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    for (uint32_t page = 0; page < FAKE_PAGES; page++) {
        CHECK_EQUAL(page >= first && page < first + 3, fake.erases[page]);
    }
}

TEST(install_writes_each_cell_once, "From an erase to the next no cell is programmed twice, not in the metadata either.")
{
    make_staged_device(IMAGE_V2);
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    for (uint32_t unit = 0; unit < FAKE_BYTES / PROGRAM_BYTES; unit++) {
        CHECK(fake.writes[unit] <= 1);
    }
}

TEST(install_refuses, "A refused image changes nothing but the journal, which says why, and the old application runs.")
{
    static const struct {
        enum device_image image;
        enum result expected;
    } ROWS[] = {
        {IMAGE_V1, RESULT_VERSION},          {IMAGE_V2_FOREIGN, RESULT_KEY}, {IMAGE_V2_HARDWARE, RESULT_HARDWARE},
        {IMAGE_V2_COMPRESSED, RESULT_FLAGS}, {IMAGE_V2_LARGE, RESULT_SIZE},
    };

    for (uint32_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        make_staged_device(ROWS[i].image);
        CHECK_EQUAL(FAKE_STARTED, run_boot());
        check_running(IMAGE_V1, 1);
        CHECK_EQUAL(ROWS[i].expected, closed_with());
        CHECK_EQUAL(DEVICE_JOURNAL_OPERATIONS, fake.operations);
        CHECK_EQUAL(0, strncmp(fake.uart, "slot: ", 6));
        CHECK_EQUAL(FAKE_STARTED, run_boot());
        CHECK_EQUAL(0, fake.operations);
    }
}

TEST(install_forged, "A staged image that was altered, its CRC made right, is refused by its signature.")
{
    make_staged_device(IMAGE_V2);
    *device_flash(&LAYOUT_SLOT, 900) ^= 1u;
    device_fix_crc(&LAYOUT_SLOT);
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    check_running(IMAGE_V1, 1);
    CHECK_EQUAL(RESULT_SIGNATURE, closed_with());
    CHECK_EQUAL(0, strcmp(fake.uart, "slot: signature (11)\r\n"));
}

TEST(install_slot_spoiled_half_way, "If the slot is spoiled half way, the mixture is never started; nothing more is written.")
{
    make_staged_device(IMAGE_V2);
    fake.cut_at = 700;
    fake.tear = FAKE_MOST;
    CHECK_EQUAL(FAKE_CUT, run_boot());
    *device_flash(&LAYOUT_SLOT, 900) ^= 1u;
    CHECK_EQUAL(FAKE_RECOVERING, run_boot());
    CHECK_EQUAL(0, fake.operations);
    *device_flash(&LAYOUT_SLOT, 900) ^= 1u;
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    check_running(IMAGE_V2, 2);
}

TEST(install_slot_spoiled_after_the_copy, "Once every page is copied, the slot is not needed any more.")
{
    make_staged_device(IMAGE_V2);
    device_put_journal_record(2, 1, JOURNAL_STARTED, 3);
    device_put_journal_record(2, 2, JOURNAL_COPIED, 3);
    device_put_image(&LAYOUT_APPLICATION, IMAGE_V2);
    memset(device_flash(&LAYOUT_SLOT, 0), 0xFF, REGION_SLOT_BYTES);
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    check_running(IMAGE_V2, 2);
    CHECK_EQUAL(0, closed_with());
}

TEST(install_copied_and_lost, "An application that was copied and does not verify is not copied again: nothing wears, however often the device starts.")
{
    make_staged_device(IMAGE_V2);
    device_put_journal_record(2, 1, JOURNAL_STARTED, 3);
    device_put_journal_record(2, 2, JOURNAL_COPIED, 3);
    device_put_image(&LAYOUT_APPLICATION, IMAGE_V2);
    *device_flash(&LAYOUT_APPLICATION, 900) ^= 1u;
    for (int boot = 0; boot < 3; boot++) {
        CHECK_EQUAL(FAKE_RECOVERING, run_boot());
        CHECK_EQUAL(0, fake.operations);
    }
    CHECK_EQUAL(1, counter_read().value);
    *device_flash(&LAYOUT_APPLICATION, 900) ^= 1u;
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    check_running(IMAGE_V2, 2);
}

TEST(install_another_image_half_way, "An image of another size in the slot does not continue an update under way.")
{
    make_staged_device(IMAGE_V2);
    device_put_journal_record(2, 1, JOURNAL_STARTED, 2);
    device_put_journal_record(2, 2, JOURNAL_COPIED, 1);
    CHECK_EQUAL(FAKE_STARTED, run_boot()); /* the application region happens to verify */
    check_running(IMAGE_V1, 1);
    CHECK_EQUAL(RESULT_SIZE, closed_with());
}

TEST(install_bad_cell, "A cell that does not take its value stops the update; the next boot copies that page again.")
{
    make_staged_device(IMAGE_V2);
    fake.fail_at = 600;
    CHECK_EQUAL(FAKE_RECOVERING, run_boot());
    CHECK_EQUAL(0, strncmp(fake.uart, "slot: mismatch (-4)\r\nrecovery: application: ", 42));
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    check_running(IMAGE_V2, 2);
}

TEST(boot_without_a_journal, "A device that never saw an update starts its application, and the counter follows it.")
{
    make_device();
    device_put_image(&LAYOUT_APPLICATION, IMAGE_V1);
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    CHECK_EQUAL(1, counter_read().value);
    CHECK_EQUAL(0, fake.uart_bytes);
}

TEST(boot_empty_device, "A device without an application waits in recovery, says why, and says it again when asked.")
{
    static const char WHY[] = "recovery: application: magic (1)\r\n";

    make_device();
    fake.bytes_to_receive = 1;
    CHECK_EQUAL(FAKE_RECOVERING, run_boot());
    CHECK_EQUAL(0, strncmp(fake.uart, WHY, sizeof WHY - 1));
    CHECK_EQUAL(0, strcmp(fake.uart + sizeof WHY - 1, WHY));
    CHECK_EQUAL(0, fake.operations);
}

TEST(boot_installs_on_an_empty_device, "A staged update is installed where there is no application at all.")
{
    make_staged_device(IMAGE_V2);
    memset(device_flash(&LAYOUT_APPLICATION, 0), 0xFF, REGION_APPLICATION_BYTES);
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    check_running(IMAGE_V2, 2);
}

TEST(boot_tampered_application, "An altered application is not started, and nothing is written.")
{
    make_installed_device();
    *device_flash(&LAYOUT_APPLICATION, 700) ^= 4u;
    device_fix_crc(&LAYOUT_APPLICATION);
    CHECK_EQUAL(FAKE_RECOVERING, run_boot());
    CHECK_EQUAL(0, strcmp(fake.uart, "recovery: application: signature (11)\r\n"));
    CHECK_EQUAL(0, fake.operations);
}

TEST(boot_older_application, "An application below the counter is not started, however well it is signed.")
{
    make_installed_device();
    device_put_counter(0, 1, 2);
    CHECK_EQUAL(FAKE_RECOVERING, run_boot());
    CHECK_EQUAL(0, strcmp(fake.uart, "recovery: application: version (8)\r\n"));
}

TEST(boot_counter_cannot_advance, "If the counter cannot be raised, nothing is started.")
{
    make_device();
    device_put_image(&LAYOUT_APPLICATION, IMAGE_V1);
    fake.fail_at = 0;
    CHECK_EQUAL(FAKE_RECOVERING, run_boot());
    CHECK_EQUAL(0, strcmp(fake.uart, "recovery: counter: mismatch (-4)\r\n"));
    CHECK_EQUAL(FAKE_STARTED, run_boot());
}

TEST(boot_journal_cannot_close, "If the journal cannot be closed, the application runs all the same, and the next boot closes it.")
{
    make_staged_device(IMAGE_V2_FOREIGN);
    fake.fail_at = 0;
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    CHECK_EQUAL(0, strncmp(fake.uart, "slot: key (10)\r\njournal: mismatch (-4)", 38));
    CHECK_EQUAL(JOURNAL_STAGE_PENDING, journal_read().stage);
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    check_running(IMAGE_V1, 1);
    CHECK_EQUAL(RESULT_KEY, closed_with());
}
