/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Any bytes in the slot of a device that runs version 1, staged and pending: one boot.
 *
 * 1. The first byte says what the forger makes right again: bit 0 the CRC, bit 1 the trusted key.
 * 2. What is installed is an image that the key signed, byte for byte; otherwise version 1 stays and starts.
 */
#include <string.h>

#include "bytes.h"
#include "device.h"
#include "fuzz.h"
#include "unit.h"

enum { FIX_CRC = 1, FIX_KEY = 2, AT_KEY = 48, AT_CODE_BYTES = 10, HEADER_BYTES = 144 };

static const enum device_image GOOD[] = {IMAGE_V2, IMAGE_V2_FULL, IMAGE_V2_MINIMAL, IMAGE_V2_ANY, IMAGE_LAST};

static bool holds_a_signed_image(void)
{
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        if (device_holds(&LAYOUT_APPLICATION, GOOD[i])) {
            return true;
        }
    }
    return false;
}

static void stage(struct input *input)
{
    uint8_t *slot = device_flash(&LAYOUT_SLOT, 0);
    const uint8_t fixes = input_byte(input);
    const size_t size_bytes = input->left_bytes < LAYOUT_SLOT.size_bytes ? input->left_bytes : LAYOUT_SLOT.size_bytes;

    memset(slot, 0xFF, LAYOUT_SLOT.size_bytes);
    if (size_bytes > 0) {
        memcpy(slot, input->data, size_bytes);
    }
    if ((fixes & FIX_KEY) != 0) {
        memcpy(slot + AT_KEY, device_flash(&LAYOUT_IDENTITY, 0), 32);
    }
    if ((fixes & FIX_CRC) != 0 && load_u32(slot + AT_CODE_BYTES) <= LAYOUT_SLOT.size_bytes - HEADER_BYTES) {
        device_fix_crc(&LAYOUT_SLOT);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct input input = {data, size_bytes};

    fuzz_load_device();
    make_staged_device(IMAGE_V2);
    stage(&input);
    CHECK_EQUAL(FAKE_STARTED, run_boot());
    CHECK_EQUAL(0, fake.misuses);
    CHECK(device_holds(&LAYOUT_APPLICATION, IMAGE_V1) || holds_a_signed_image());
    return 0;
}
