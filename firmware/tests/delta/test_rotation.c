/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Patches that bring another key: which key is trusted, at every cut, and what becomes of the places. */
#include <string.h>

#include "delta_device.h"
#include "identity.h"
#include "result.h"
#include "unit.h"

enum { AT_PLACES = 128, PLACE_BYTES = 36 };

static void make_rotating_device(void)
{
    make_staged_device(DELTA_PATCH_ROTATION);
    fake.key_places_are_writable = true;
}

static void check_running(enum delta_image image, uint64_t version)
{
    CHECK(device_holds(&LAYOUT_APPLICATION, image));
    CHECK_EQUAL(version, device_state().counter);
    CHECK_EQUAL(LOG_IDLE, device_state().stage);
    CHECK_EQUAL(0, fake.misuses);
}

static uint8_t *place_at(uint32_t number)
{
    return device_flash(&LAYOUT_IDENTITY, AT_PLACES + (number - 1) * PLACE_BYTES);
}

/* The new key is trusted and no other one is: patches of both are put before the device. */
static void check_new_key_only(void)
{
    check_running(DELTA_V2_NEXT, 2);
    stage_patch(DELTA_PATCH_OLD_KEY);
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    check_running(DELTA_V2_NEXT, 2);
    CHECK_EQUAL(RESULT_KEY, device_state().closed);
    stage_patch(DELTA_PATCH_NEXT);
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    check_running(DELTA_V3_NEXT, 3);
    CHECK_EQUAL(0, device_state().closed);
}

TEST(rotation_changes_the_key, "The new key stands in the first place; from then on its patches are applied, and those of the old key refused.")
{
    make_rotating_device();
    CHECK_EQUAL(0, identity_last_key());
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    CHECK_EQUAL(1, identity_last_key());
    CHECK_EQUAL(1, device_state().key);
    CHECK_EQUAL(0, memcmp(place_at(1) + 4, device_image(DELTA_V2_NEXT) + 48, SIGNATURE_KEY_BYTES));
    check_new_key_only();
}

TEST(rotation_of_another_key, "Before the rotation, patches of the key that is to come are refused.")
{
    make_staged_device(DELTA_PATCH_NEXT);
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    check_running(DELTA_V1, 1);
    CHECK_EQUAL(RESULT_KEY, device_state().closed);
    CHECK_EQUAL(0, identity_last_key());
}

TEST(rotation_cuts, "Cut at every operation, with each tear in turn, the next boot finishes the update, and the new key alone is trusted.")
{
    uint32_t operations;

    make_rotating_device();
    (void)run_boot();
    operations = fake.operations;
    /* All of what writes the key, the log and the end; of the pages in between, where every cut is one of rebuild_cuts, some. */
    for (uint32_t cut = 0; cut < operations; cut += cut < 120 || cut + 120 > operations ? 1 : 61) {
        make_rotating_device();
        fake.cut_at = cut;
        fake.tear = (enum fake_tear)(cut % (FAKE_METASTABLE + 1));
        fake.seed = cut * 5u + 3u;
        CHECK_EQUAL(FAKE_CUT, run_boot());
        CHECK_EQUAL(FAKE_STARTED, run_boot());
        CHECK(device_state().key <= 2);
        check_new_key_only();
    }
}

TEST(rotation_cuts_in_series, "Whatever is cut, and however often, while a key is written: the update ends with it, or is refused for want of a place.")
{
    uint64_t seed = 11;

    for (int round = 0; round < 60; round++) {
        make_rotating_device();
        for (uint32_t cut = 0; cut <= fake_random(&seed, 24); cut++) {
            fake.cut_at = fake_random(&seed, 60);
            fake.tear = (enum fake_tear)fake_random(&seed, FAKE_METASTABLE + 1);
            fake.seed = seed;
            (void)run_boot();
        }
        CHECK_EQUAL(FAKE_STARTED, run_until_settled());
        if (device_state().closed == RESULT_KEY_PLACES) {
            check_running(DELTA_V1, 1);
            CHECK_EQUAL(IDENTITY_KEY_PLACES, identity_last_key());
        } else {
            check_new_key_only();
        }
    }
}

TEST(rotation_without_a_place, "With one place left the key is changed; with none the patch is refused, nothing but the log is written, and the old key stays.")
{
    for (uint32_t number = 1; number <= IDENTITY_KEY_PLACES; number++) {
        make_rotating_device();
        place_at(number)[PLACE_BYTES - 1] = 0x7F;
        CHECK_EQUAL(FAKE_STARTED, run_boot());
        if (number < IDENTITY_KEY_PLACES) {
            CHECK_EQUAL(number + 1, device_state().key);
            check_new_key_only();
        } else {
            check_running(DELTA_V1, 1);
            CHECK_EQUAL(RESULT_KEY_PLACES, device_state().closed);
            CHECK_EQUAL(0, device_state().key);
        }
    }
}

TEST(rotation_half_way, "Once begun, a rotation goes on though its key is in the last place.")
{
    make_rotating_device();
    place_at(IDENTITY_KEY_PLACES - 1)[0] = 0;
    fake.cut_at = 2 * PAGE_BYTES / PROGRAM_BYTES;
    fake.tear = FAKE_MOST;
    CHECK_EQUAL(FAKE_CUT, run_boot());
    CHECK_EQUAL(IDENTITY_KEY_PLACES, identity_last_key());
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    check_new_key_only();
}

TEST(rotation_to_a_blank_place, "A log that names a place with nothing in it leaves a device that trusts nothing, and not one that trusts production's key.")
{
    struct log_state state;

    make_staged_device(DELTA_PATCH);
    state = device_state();
    state.key = 7;
    device_write_log(&state);
    CHECK_EQUAL(FAKE_RECOVERING, run_boot());
    CHECK_EQUAL(0, fake.operations);
}
