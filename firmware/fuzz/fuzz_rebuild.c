/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Any bytes in the pool of log and scratch, with a good patch or a foreign one in the slot; or power cuts of an update, of a
 * refusal, or of an update that brings a key, wherever the input says.
 *
 * 1. The first byte says which.
 * 2. Whatever the pool holds, each boot ends, breaks no rule of the flash, and starts nothing but an image that the key signed. A
 *    foreign patch never changes the application's region.
 * 3. The good patch, cut as often as the input says, ends in version 2; the refused one in version 1. The one that brings a key leaves a
 *    device that trusts it.
 */
#include <string.h>

#include "delta_device.h"
#include "fuzz.h"
#include "unit.h"

enum { ANY_POOL_FOREIGN = 0, ANY_POOL_GOOD = 1, CUTS = 2, CUTS_OF_A_REFUSAL = 3, CUTS_OF_A_ROTATION = 4, DEVICES = 5, CUTS_MAX = 6, BOOTS_MAX = 4 };

/* A pool that the input tells of, inverted, so that what it leaves out is erased; with a good page that is laid over it or not. */
static void fill_pool(struct input *input)
{
    uint8_t *pool = device_flash(&LAYOUT_METADATA, 0);
    const uint8_t over = input_byte(input);

    for (uint32_t i = 0; i < REGION_METADATA_BYTES; i++) {
        const bool keep = i < PAGE_BYTES && (over & 1u) != 0 && i < (uint32_t)(over & 0xFEu) * 4;

        pool[i] = keep ? pool[i] : (uint8_t)~input_byte(input);
    }
}

static void boot_any_pool(struct input *input, bool is_good)
{
    static uint8_t before[REGION_APPLICATION_BYTES];

    make_staged_device(is_good ? DELTA_PATCH : DELTA_PATCH_FOREIGN);
    fill_pool(input);
    memset(fake.writes, 0, sizeof fake.writes);
    memcpy(before, device_flash(&LAYOUT_APPLICATION, 0), sizeof before);
    for (int boot = 0; boot < BOOTS_MAX; boot++) {
        const enum fake_end end = run_boot();

        CHECK(end == FAKE_STARTED || end == FAKE_RECOVERING);
        CHECK_EQUAL(0, fake.misuses);
        CHECK(end != FAKE_STARTED || device_holds(&LAYOUT_APPLICATION, DELTA_V1) || device_holds(&LAYOUT_APPLICATION, DELTA_V2));
    }
    CHECK(is_good || memcmp(before, device_flash(&LAYOUT_APPLICATION, 0), sizeof before) == 0);
}

static void boot_with_cuts(struct input *input, enum delta_image patch, enum delta_image end)
{
    const uint8_t cuts = input_byte(input) % CUTS_MAX;

    make_staged_device(patch);
    fake.key_places_are_writable = patch == DELTA_PATCH_ROTATION;
    for (uint8_t cut = 0; cut < cuts; cut++) {
        fake.cut_at = (uint32_t)input_byte(input) << 8 | input_byte(input);
        fake.tear = (enum fake_tear)(input_byte(input) % FAKE_TEARS);
        fake.seed = input_number(input);
        (void)run_boot();
        CHECK_EQUAL(0, fake.misuses);
    }
    CHECK_EQUAL(FAKE_STARTED, run_until_settled());
    CHECK_EQUAL(0, fake.misuses);
    CHECK(device_holds(&LAYOUT_APPLICATION, end));
    CHECK_EQUAL(end == DELTA_V1 ? 1 : 2, device_state().counter);
    CHECK_EQUAL(LOG_IDLE, device_state().stage);
    CHECK_EQUAL(patch == DELTA_PATCH_ROTATION, device_state().key > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct input input = {data, size_bytes};

    fuzz_load_device();
    switch (input_byte(&input) % DEVICES) {
    case ANY_POOL_FOREIGN:
        boot_any_pool(&input, false);
        break;
    case ANY_POOL_GOOD:
        boot_any_pool(&input, true);
        break;
    case CUTS:
        boot_with_cuts(&input, DELTA_PATCH, DELTA_V2);
        break;
    case CUTS_OF_A_REFUSAL:
        boot_with_cuts(&input, DELTA_PATCH_BASE, DELTA_V1);
        break;
    case CUTS_OF_A_ROTATION:
        boot_with_cuts(&input, DELTA_PATCH_ROTATION, DELTA_V2_NEXT);
        break;
    }
    return 0;
}
