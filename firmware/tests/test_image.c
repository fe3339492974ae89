/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "image.h"

#include <string.h>

#include "bytes.h"
#include "device.h"
#include "unit.h"

static enum result verify(enum image_age age, uint64_t counter)
{
    struct image image;

    return image_verify(&image, &LAYOUT_APPLICATION, age, counter);
}

static uint8_t *header_with(enum device_image image)
{
    make_device();
    device_put_image(&LAYOUT_APPLICATION, image);
    return device_flash(&LAYOUT_APPLICATION, 0);
}

TEST(image_accepts, "Images of every good form verify, in the slot as in the application region.")
{
    static const enum device_image GOOD[] = {IMAGE_V1, IMAGE_V2, IMAGE_V2_FULL, IMAGE_V2_MINIMAL, IMAGE_V2_ANY, IMAGE_LAST};
    struct image image;

    for (uint32_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        make_device();
        device_put_image(&LAYOUT_APPLICATION, GOOD[i]);
        device_put_image(&LAYOUT_SLOT, GOOD[i]);
        CHECK_EQUAL(RESULT_OK, image_verify(&image, &LAYOUT_APPLICATION, IMAGE_NEWER, 0));
        CHECK_EQUAL(REGION_APPLICATION_ADDRESS + 0x200, image.vector_table_address);
        CHECK_EQUAL(RESULT_OK, image_verify(&image, &LAYOUT_SLOT, IMAGE_NEWER, 0));
        CHECK_EQUAL(REGION_APPLICATION_ADDRESS + 0x200, image.vector_table_address);
        CHECK_EQUAL(device_image_bytes(GOOD[i]), image.size_bytes);
    }
}

TEST(image_refuses_headers, "Each malformed header field is refused with its own reason, at its limits too.")
{
    const uint32_t region_code_bytes = REGION_APPLICATION_BYTES - IMAGE_HEADER_BYTES;
    const struct {
        uint32_t offset;
        uint32_t value;
        enum result expected;
    } ROWS[] = {
        {0, 0x014B5053, RESULT_MAGIC},
        {0, 0xFFFFFFFFu, RESULT_MAGIC},
        {4, 1, RESULT_FORMAT},
        {4, 3, RESULT_FORMAT},
        {18, 0, RESULT_FLAGS},
        {18, 3, RESULT_FLAGS},
        {18, 2, RESULT_FLAGS},
        {18, 0x80000001u, RESULT_FLAGS},
        {10, 0, RESULT_SIZE},
        {10, region_code_bytes + 1, RESULT_SIZE},
        {10, 0xFFFFFFFFu, RESULT_SIZE},
        {10, 0xFFFFFF70u, RESULT_SIZE}, /* 144 more wraps to 0 */
        {6, 0, RESULT_SIZE},
        {6, 0xFFFFFFFFu, RESULT_SIZE},
        {14, 0, RESULT_ENTRY}, /* not on the boundary */
        {14, 0x70, RESULT_ENTRY},
        {14, 0x370, RESULT_ENTRY},        /* on the boundary, but no vector table */
        {14, 0x40000170u, RESULT_ENTRY},  /* on the boundary, outside the code */
        {14, 0xFFFFFF70u, RESULT_ENTRY},  /* on the boundary, wraps */
        {14, 0xFFFFFFFFu, RESULT_ENTRY},
        {38, 1, RESULT_RESERVED},
        {44, 0x80000000u, RESULT_RESERVED},
        {30, 4, RESULT_HARDWARE},
        {30, 0xFFFFFFFFu, RESULT_HARDWARE},
        {22, 0, RESULT_VERSION},
        {34, 0, RESULT_CRC},
        {48, 0, RESULT_KEY},
        {76, 0, RESULT_KEY},
        {80, 0, RESULT_SIGNATURE},
        {140, 0, RESULT_SIGNATURE},
    };

    for (uint32_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        uint8_t *header = header_with(IMAGE_V1);

        if (ROWS[i].offset == 4) {
            store_u16(header + 4, (uint16_t)ROWS[i].value);
        } else {
            store_u32(header + ROWS[i].offset, ROWS[i].value);
        }
        CHECK_EQUAL(ROWS[i].expected, verify(IMAGE_NOT_OLDER, 1));
    }
}

TEST(image_refuses_vectors, "A stack outside RAM or misaligned, and a reset vector outside the code or even, are refused.")
{
    static const struct {
        uint32_t at;
        uint32_t value;
        enum result expected;
    } ROWS[] = {
        {0, RAM_ADDRESS, RESULT_ENTRY},
        {0, RAM_ADDRESS - 8, RESULT_ENTRY},
        {0, RAM_ADDRESS + RAM_BYTES + 8, RESULT_ENTRY},
        {0, RAM_ADDRESS + 12, RESULT_ENTRY},
        {0, 0xFFFFFFF8u, RESULT_ENTRY},
        {0, RAM_ADDRESS + RAM_BYTES, RESULT_OK}, /* as it was signed */
        {0, RAM_ADDRESS + 8, RESULT_CRC},        /* good, so the next check speaks */
        {4, REGION_APPLICATION_ADDRESS + 0x210, RESULT_ENTRY},
        {4, REGION_APPLICATION_ADDRESS + 143, RESULT_ENTRY},
        {4, REGION_BOOTLOADER_ADDRESS + 1, RESULT_ENTRY},
        {4, REGION_APPLICATION_ADDRESS + REGION_APPLICATION_BYTES + 1, RESULT_ENTRY},
        {4, 0xFFFFFFFFu, RESULT_ENTRY},
        {4, REGION_APPLICATION_ADDRESS + 145, RESULT_CRC},
    };

    for (uint32_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        uint8_t *header = header_with(IMAGE_V1);

        store_u32(header + 0x200 + ROWS[i].at, ROWS[i].value);
        CHECK_EQUAL(ROWS[i].expected, verify(IMAGE_NOT_OLDER, 1));
    }
}

TEST(image_refuses_tables_off_their_boundary, "A vector table that is right in all but its place is refused where the core would read another one.")
{
    static const struct {
        uint32_t entry;
        enum result expected;
    } ROWS[] = {
        {0x174, RESULT_ENTRY}, {0x178, RESULT_ENTRY}, {0x1F0, RESULT_ENTRY}, {0x270, RESULT_ENTRY},
        {0x370, RESULT_CRC}, /* on the boundary, so the next check speaks */
    };

    for (uint32_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        uint8_t *header = header_with(IMAGE_V1);

        memmove(header + IMAGE_HEADER_BYTES + ROWS[i].entry, header + IMAGE_HEADER_BYTES + 0x170, 8);
        store_u32(header + 14, ROWS[i].entry);
        CHECK_EQUAL(ROWS[i].expected, verify(IMAGE_NOT_OLDER, 1));
    }
}

TEST(image_refuses_signed_images, "Properly signed images are refused where they do not fit this device.")
{
    (void)header_with(IMAGE_V2_FOREIGN);
    CHECK_EQUAL(RESULT_KEY, verify(IMAGE_NEWER, 1));
    (void)header_with(IMAGE_V2_HARDWARE);
    CHECK_EQUAL(RESULT_HARDWARE, verify(IMAGE_NEWER, 1));
    (void)header_with(IMAGE_V2_COMPRESSED);
    CHECK_EQUAL(RESULT_FLAGS, verify(IMAGE_NEWER, 1));
    (void)header_with(IMAGE_V2_LARGE);
    CHECK_EQUAL(RESULT_SIZE, verify(IMAGE_NEWER, 1));
}

TEST(image_versions, "For installing the version is above the counter, for starting at it or above.")
{
    (void)header_with(IMAGE_V2);
    CHECK_EQUAL(RESULT_OK, verify(IMAGE_NEWER, 1));
    CHECK_EQUAL(RESULT_VERSION, verify(IMAGE_NEWER, 2));
    CHECK_EQUAL(RESULT_OK, verify(IMAGE_NOT_OLDER, 2));
    CHECK_EQUAL(RESULT_VERSION, verify(IMAGE_NOT_OLDER, 3));
    CHECK_EQUAL(RESULT_VERSION, verify(IMAGE_NOT_OLDER, 0x100000000u));
    (void)header_with(IMAGE_LAST);
    CHECK_EQUAL(RESULT_OK, verify(IMAGE_NEWER, 0xFFFFFFFFFFFFFFFEu));
    CHECK_EQUAL(RESULT_VERSION, verify(IMAGE_NEWER, 0xFFFFFFFFFFFFFFFFu));
    CHECK_EQUAL(RESULT_OK, verify(IMAGE_NOT_OLDER, 0xFFFFFFFFFFFFFFFFu));
}

TEST(image_altered_code, "Any altered bit of the code is refused: by the CRC, and with the CRC corrected by the signature.")
{
    for (uint32_t offset = IMAGE_HEADER_BYTES; offset < 1100; offset += 97) {
        uint8_t *header = header_with(IMAGE_V1);

        if (offset >= 0x200 && offset < 0x208) {
            continue;
        }
        header[offset] ^= 0x10u;
        CHECK_EQUAL(RESULT_CRC, verify(IMAGE_NOT_OLDER, 1));
        device_fix_crc(&LAYOUT_APPLICATION);
        CHECK_EQUAL(RESULT_SIGNATURE, verify(IMAGE_NOT_OLDER, 1));
    }
}

TEST(image_signature_covers_the_header, "Every header field that the other checks let pass is still covered by the signature.")
{
    uint8_t *header = header_with(IMAGE_V1);

    store_u64(header + 22, 7); /* a greater version */
    CHECK_EQUAL(RESULT_SIGNATURE, verify(IMAGE_NOT_OLDER, 1));
    header = header_with(IMAGE_V1);
    store_u32(header + 30, 0); /* any hardware */
    CHECK_EQUAL(RESULT_SIGNATURE, verify(IMAGE_NOT_OLDER, 1));
    header = header_with(IMAGE_V1);
    store_u32(header + 10, load_u32(header + 10) - 2); /* a shorter code, its CRC made right */
    store_u32(header + 6, load_u32(header + 6) - 2);
    device_fix_crc(&LAYOUT_APPLICATION);
    CHECK_EQUAL(RESULT_SIGNATURE, verify(IMAGE_NOT_OLDER, 1));
}

TEST(signature_bits, "A signature with any one bit changed is refused.")
{
    for (uint32_t bit = 0; bit < 512; bit++) {
        uint8_t *header = header_with(IMAGE_V1);

        header[80 + bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK_EQUAL(RESULT_SIGNATURE, verify(IMAGE_NOT_OLDER, 1));
    }
}

TEST(signature_is_not_malleable, "S + L, the same signature to a careless verifier, is refused.")
{
    static const uint8_t ORDER[32] = {0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7,
                                      0xA2, 0xDE, 0xF9, 0xDE, 0x14, [31] = 0x10};
    uint8_t *header = header_with(IMAGE_V1);
    uint32_t carry = 0;

    CHECK_EQUAL(RESULT_OK, verify(IMAGE_NOT_OLDER, 1));
    for (uint32_t i = 0; i < 32; i++) {
        carry += (uint32_t)header[112 + i] + ORDER[i];
        header[112 + i] = (uint8_t)(carry & 0xFFu);
        carry >>= 8;
    }
    CHECK_EQUAL(0, carry);
    CHECK_EQUAL(RESULT_SIGNATURE, verify(IMAGE_NOT_OLDER, 1));
}

TEST(identity_unwritten, "A device whose key was never written trusts nothing, not even an image that names that key.")
{
    static const uint8_t FILLS[] = {0xFF, 0x00};

    for (uint32_t i = 0; i < sizeof FILLS; i++) {
        uint8_t *header = header_with(IMAGE_V2_ANY);

        memset(device_flash(&LAYOUT_IDENTITY, 0), FILLS[i], 32);
        CHECK_EQUAL(RESULT_KEY, verify(IMAGE_NOT_OLDER, 1));
        memset(header + 48, FILLS[i], 32);
        CHECK_EQUAL(RESULT_KEY, verify(IMAGE_NOT_OLDER, 1));
    }
}
