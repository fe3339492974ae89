/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The application's side: a patch is written to the slot in chunks, checked and marked pending; then the bootloader runs. */
#include <string.h>

#include "delta_device.h"
#include "hal.h"
#include "identity.h"
#include "speck.h"
#include "unit.h"

static enum delta_image patch;    /* what is downloaded */
static uint32_t chunk_bytes = 128; /* at a time */
static enum result validated;

static void install_version_1(void)
{
    static const struct log_state STATE = {1, LOG_IDLE, RESULT_OK, 0, 0, false, 0, 0, 0};

    make_device();
    device_put_image(&LAYOUT_APPLICATION, DELTA_V1);
    device_write_log(&STATE);
    fake.slot_is_writable = true;
}

/* Write the patch chunk by chunk, as it is in a region that it was put to. */
static void write_patch(void)
{
    const uint8_t *bytes = device_image(patch);
    const uint32_t size_bytes = device_image_bytes(patch);

    for (uint32_t offset = 0; offset < size_bytes; offset += chunk_bytes) {
        const uint32_t left = size_bytes - offset;

        CHECK_EQUAL(RESULT_OK, speck_write_slot_chunk(0, offset, bytes + offset, left < chunk_bytes ? left : chunk_bytes));
    }
    validated = speck_validate_slot(0);
}

static void download(void)
{
    write_patch();
    if (validated == RESULT_OK) {
        CHECK_EQUAL(RESULT_OK, speck_mark_update_pending(0));
        CHECK(speck_has_update_pending());
        speck_apply_update();
    }
}

static void check_running(enum delta_image image, uint64_t counter)
{
    CHECK_EQUAL(FAKE_STARTED, run_until_settled());
    CHECK(device_holds(&LAYOUT_APPLICATION, image));
    CHECK_EQUAL(counter, device_state().counter);
    CHECK_EQUAL(LOG_IDLE, device_state().stage);
}

TEST(download_chunks, "Whatever the size of the chunks, the slot holds the patch, each page is erased once, and the update is installed.")
{
    static const uint32_t SIZES[] = {1, 2, 3, 5, 7, 64, 127, 128, 1000, 100000};

    patch = DELTA_PATCH;
    for (uint32_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        install_version_1();
        memset(device_flash(&LAYOUT_SLOT, 0), 0x5A, LAYOUT_SLOT.size_bytes);
        chunk_bytes = SIZES[i];
        CHECK_EQUAL(FAKE_RESET, fake_boot(download));
        CHECK(device_holds(&LAYOUT_SLOT, DELTA_PATCH));
        CHECK_EQUAL(0, fake.misuses);
        for (uint32_t page = 0; page < LAYOUT_SLOT.size_bytes / PAGE_BYTES; page++) {
            const uint32_t reached = page * PAGE_BYTES < device_image_bytes(patch) ? 1 : 0;

            CHECK_EQUAL(reached, fake.erases[(LAYOUT_SLOT.address - FAKE_ADDRESS) / PAGE_BYTES + page]);
        }
        check_running(DELTA_V2, 2);
    }
    chunk_bytes = 128;
}

static void try_misuse(void)
{
    static const uint8_t BYTES[16] = {0};
    static uint8_t whole[REGION_SLOT_BYTES];

    CHECK_EQUAL(RESULT_ERROR_RANGE, speck_write_slot_chunk(SPECK_SLOTS, 0, BYTES, 16));
    CHECK_EQUAL(RESULT_OK, speck_write_slot_chunk(0, 0, BYTES, 16));
    CHECK_EQUAL(RESULT_ERROR_RANGE, speck_write_slot_chunk(0, 15, BYTES, 1));
    CHECK_EQUAL(RESULT_ERROR_RANGE, speck_write_slot_chunk(0, 16, BYTES, 1)); /* after a failure only offset 0 */
    CHECK_EQUAL(RESULT_OK, speck_write_slot_chunk(0, 0, whole, sizeof whole));
    CHECK_EQUAL(RESULT_ERROR_RANGE, speck_write_slot_chunk(0, sizeof whole, BYTES, 1));
    CHECK_EQUAL(RESULT_ERROR_RANGE, speck_write_slot_chunk(0, 0, whole, sizeof whole + 1));
    CHECK_EQUAL(RESULT_ERROR_RANGE, speck_write_slot_chunk(0, 0xFFFFFFFFu, whole, 2));
    CHECK_EQUAL(RESULT_ERROR_RANGE, speck_validate_slot(SPECK_SLOTS));
    CHECK_EQUAL(RESULT_ERROR_RANGE, speck_mark_update_pending(SPECK_SLOTS));
    CHECK_EQUAL(0, fake.misuses);
}

TEST(download_order, "Chunks come in order and stay in the slot; what does not is refused, and nothing outside of it is touched.")
{
    install_version_1();
    CHECK_EQUAL(FAKE_RETURNED, fake_boot(try_misuse));
    fake.slot_is_writable = false;
    check_running(DELTA_V1, 1);
}

TEST(download_of_a_key_without_a_place, "A patch with a new key is refused where no place is left for it, before anything is marked.")
{
    patch = DELTA_PATCH_ROTATION;
    install_version_1();
    *device_flash(&LAYOUT_IDENTITY, 128 + 36 * IDENTITY_KEY_PLACES - 1) = 0x7F;
    CHECK_EQUAL(FAKE_RETURNED, fake_boot(download));
    CHECK_EQUAL(RESULT_KEY_PLACES, validated);
    check_running(DELTA_V1, 1);
    CHECK_EQUAL(0, device_state().closed);
}

static void mark_without_validating(void)
{
    const uint8_t *bytes = device_image(patch);

    CHECK_EQUAL(RESULT_OK, speck_write_slot_chunk(0, 0, bytes, device_image_bytes(patch)));
    CHECK_EQUAL(RESULT_ERROR_LOCKED, speck_mark_update_pending(0));
    CHECK_EQUAL(RESULT_OK, speck_validate_slot(0));
    CHECK_EQUAL(RESULT_OK, speck_write_slot_chunk(0, 0, bytes, 1));
    CHECK_EQUAL(RESULT_ERROR_LOCKED, speck_mark_update_pending(0));
    CHECK(!speck_has_update_pending());
}

TEST(download_marks_what_it_validated, "Nothing is marked pending that was not validated, or was written to since.")
{
    install_version_1();
    patch = DELTA_PATCH;
    CHECK_EQUAL(FAKE_RETURNED, fake_boot(mark_without_validating));
    check_running(DELTA_V1, 1);
}

static void write_while_pending(void)
{
    const uint8_t *bytes = device_image(patch);

    write_patch();
    CHECK_EQUAL(RESULT_OK, validated);
    CHECK_EQUAL(RESULT_OK, speck_mark_update_pending(0));
    CHECK_EQUAL(RESULT_ERROR_LOCKED, speck_write_slot_chunk(0, 0, bytes, 1));
    CHECK_EQUAL(RESULT_ERROR_LOCKED, speck_mark_update_pending(0));
}

TEST(download_leaves_a_pending_slot, "A pending update belongs to the bootloader: its slot is not written.")
{
    install_version_1();
    patch = DELTA_PATCH;
    CHECK_EQUAL(FAKE_RETURNED, fake_boot(write_while_pending));
    check_running(DELTA_V2, 2);
}

TEST(download_refuses, "Validating gives the reason for which the bootloader would refuse the patch, and nothing is marked.")
{
    static const struct {
        enum delta_image patch;
        enum result reason;
    } BAD[] = {
        {DELTA_PATCH_BASE, RESULT_BASE}, {DELTA_PATCH_FOREIGN, RESULT_KEY},  {DELTA_PATCH_OLD, RESULT_VERSION},
        {DELTA_PATCH_BROKEN, RESULT_PATCH}, {DELTA_PATCH_LAST, RESULT_VERSION}, {DELTA_V2, RESULT_FLAGS},
    };

    for (uint32_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        install_version_1();
        patch = BAD[i].patch;
        if (device_image_bytes(patch) > LAYOUT_SLOT.size_bytes) {
            continue;
        }
        CHECK_EQUAL(FAKE_RETURNED, fake_boot(download));
        CHECK_EQUAL(BAD[i].reason, validated);
        CHECK_EQUAL(LOG_IDLE, device_state().stage);
        check_running(DELTA_V1, 1);
    }
}

static void look(void)
{
    struct speck_header header;

    CHECK_EQUAL(RESULT_MAGIC, speck_read_slot_header(0, &header));
    write_patch();
    CHECK_EQUAL(RESULT_OK, speck_read_slot_header(0, &header));
    CHECK_EQUAL(2, header.version);
    CHECK_EQUAL(device_image_bytes(patch), header.size_bytes);
    CHECK_EQUAL(5, header.flags);
    CHECK_EQUAL(3, header.hardware_revision);
    CHECK_EQUAL(RESULT_ERROR_RANGE, speck_read_slot_header(SPECK_SLOTS, &header));
    CHECK_EQUAL(RESULT_OK, speck_verify_current_app());
    device_flash(&LAYOUT_APPLICATION, 0)[400] ^= 1;
    CHECK_EQUAL(RESULT_CRC, speck_verify_current_app());
}

TEST(download_status, "The header of what lies in the slot can be read, and the application that runs is verified as the bootloader does.")
{
    install_version_1();
    patch = DELTA_PATCH;
    CHECK_EQUAL(FAKE_RETURNED, fake_boot(look));
}

TEST(download_cuts, "Cut at every operation of a download, with each tear, the device starts, and a later download completes.")
{
    uint32_t operations;

    install_version_1();
    patch = DELTA_PATCH;
    CHECK_EQUAL(FAKE_RESET, fake_boot(download));
    operations = fake.operations;
    for (uint32_t cut = 0; cut < operations; cut++) {
        install_version_1();
        fake.cut_at = cut;
        fake.tear = (enum fake_tear)(cut % (FAKE_METASTABLE + 1));
        fake.seed = cut * 11u + 1u;
        CHECK_EQUAL(FAKE_CUT, fake_boot(download));
        fake.slot_is_writable = false;
        CHECK_EQUAL(FAKE_STARTED, run_until_settled());
        fake.slot_is_writable = true;
        CHECK_EQUAL(0, fake.misuses);
        if (device_holds(&LAYOUT_APPLICATION, DELTA_V1)) {
            CHECK_EQUAL(FAKE_RESET, fake_boot(download));
            CHECK_EQUAL(0, fake.misuses);
        }
        check_running(DELTA_V2, 2);
    }
}
