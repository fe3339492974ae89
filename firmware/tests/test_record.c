/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <string.h>

#include "bytes.h"
#include "crc32.h"
#include "device.h"
#include "flash.h"
#include "record.h"
#include "unit.h"

TEST(record_round_trip, "A whole record gives its payload back, and a blank one gives none.")
{
    const uint8_t payload[8] = {1, 0, 0xFF, 0x80, 0, 0xFF, 0xFF, 7};

    CHECK(record_payload(0, 8) == 0);
    CHECK_EQUAL(RESULT_OK, record_write(0, payload, 8));
    CHECK(record_payload(0, 8) != 0);
    CHECK_EQUAL(0, memcmp(record_payload(0, 8), payload, 8));
}

TEST(record_torn_is_never_valid, "No subset of a program's or an erase's bits leaves a valid record other than the one written.")
{
    uint64_t seed = 1;

    for (int round = 0; round < 200000; round++) {
        uint8_t *record = device_flash(&LAYOUT_METADATA, 0);
        const uint32_t size_bytes = round % 2 == 0 ? 4 : 8;
        uint8_t payload[8];
        bool whole = true;

        for (uint32_t i = 0; i < size_bytes; i++) {
            /* Mostly zeros, mostly ones and anything: the extremes are where an encoding breaks. */
            const uint32_t draw = fake_random(&seed, 768);

            payload[i] = (uint8_t)(draw < 256 ? 0 : draw < 512 ? 0xFF : draw & 0xFFu);
            record[i] = payload[i];
            record[size_bytes + i] = (uint8_t)~payload[i];
        }
        for (uint32_t i = 0; i < 2 * size_bytes; i++) {
            const uint8_t added = (uint8_t)(fake_random(&seed, 4) == 0 ? 1u << fake_random(&seed, 8) : 0u);

            whole = whole && (record[i] | added) == record[i];
            record[i] |= added;
        }
        CHECK_EQUAL(whole, record_payload(0, size_bytes) != 0);
    }
}

TEST(record_used_counts_to_the_last_one, "The next place is behind the last record that is not blank, whatever blanks precede it.")
{
    CHECK_EQUAL(0, record_used(0, 8, 64));
    device_put_torn(5 * 16, 16);
    CHECK_EQUAL(6, record_used(0, 8, 64));
    device_put_torn(63 * 16, 16);
    CHECK_EQUAL(64, record_used(0, 8, 64));
}

TEST(record_out_of_range, "A record outside the metadata region is neither read nor written.")
{
    const uint8_t payload[8] = {0};

    CHECK(record_payload(REGION_METADATA_BYTES - 8, 8) == 0);
    CHECK(record_payload(0xFFFFFFF8u, 8) == 0);
    CHECK_EQUAL(RESULT_ERROR_RANGE, record_write(REGION_METADATA_BYTES, payload, 8));
    CHECK_EQUAL(RESULT_ERROR_RANGE, record_write(0, payload, 16));
}

TEST(crc32_vectors, "CRC-32 agrees with the published check value and with the empty message.")
{
    CHECK_EQUAL(0xCBF43926u, crc32_of((const uint8_t *)"123456789", 9));
    CHECK_EQUAL(0, crc32_of((const uint8_t *)"", 0));
}

TEST(bytes_round_trip, "Integers are little-endian at odd addresses too.")
{
    uint8_t bytes[9] = {0};

    store_u64(bytes + 1, 0x0123456789ABCDEFu);
    CHECK_EQUAL(0xEF, bytes[1]);
    CHECK_EQUAL(0x01, bytes[8]);
    CHECK_EQUAL(0x0123456789ABCDEF, load_u64(bytes + 1));
    CHECK_EQUAL(0x89ABCDEFu, load_u32(bytes + 1));
    CHECK_EQUAL(0xCDEF, load_u16(bytes + 1));
}

TEST(flash_writes_stay_inside, "Only the application and metadata regions are written, and reads stay inside their region.")
{
    const uint8_t data[PROGRAM_BYTES] = {0};

    CHECK_EQUAL(RESULT_ERROR_RANGE, flash_erase_page(&LAYOUT_SLOT, 0));
    CHECK_EQUAL(RESULT_ERROR_RANGE, flash_erase_page(&LAYOUT_IDENTITY, 0));
    CHECK_EQUAL(RESULT_ERROR_RANGE, flash_erase_page(&LAYOUT_APPLICATION, REGION_APPLICATION_BYTES / PAGE_BYTES));
    CHECK_EQUAL(RESULT_ERROR_RANGE, flash_erase_page(&LAYOUT_APPLICATION, 0x00400000u));
    CHECK_EQUAL(RESULT_ERROR_RANGE, flash_program(&LAYOUT_SLOT, 0, data, PROGRAM_BYTES));
    CHECK_EQUAL(RESULT_ERROR_RANGE, flash_program(&LAYOUT_APPLICATION, REGION_APPLICATION_BYTES, data, PROGRAM_BYTES));
    CHECK_EQUAL(RESULT_ERROR_RANGE, flash_program(&LAYOUT_APPLICATION, 0u - PROGRAM_BYTES, data, PROGRAM_BYTES));
    CHECK(flash_view(&LAYOUT_SLOT, REGION_SLOT_BYTES - 1, 2) == 0);
    CHECK(flash_view(&LAYOUT_SLOT, 1, 0xFFFFFFFFu) == 0);
    CHECK(!flash_is_blank(&LAYOUT_SLOT, REGION_SLOT_BYTES, 1));
    CHECK_EQUAL(0, fake.operations);
    CHECK_EQUAL(0, fake.misuses);
}

TEST(fake_keeps_the_rules, "The flash that the other tests run on refuses what the real chip refuses.")
{
    const uint8_t some[PROGRAM_BYTES] = {0x12, 0x34};
    const uint8_t zeros[PROGRAM_BYTES] = {0};
    const uint8_t ones[4] = {0xFF, 0xFF, 0xFF, 0xFF};

    CHECK_EQUAL(RESULT_OK, flash_program(&LAYOUT_METADATA, 0, some, PROGRAM_BYTES));
    if (WRITES_PER_UNIT == 0) {
        CHECK_EQUAL(RESULT_ERROR_PROGRAM, flash_program(&LAYOUT_METADATA, 0, some, PROGRAM_BYTES));
        CHECK_EQUAL(1, fake.misuses);
        CHECK_EQUAL(RESULT_OK, flash_program(&LAYOUT_METADATA, 0, zeros, PROGRAM_BYTES));
    } else {
        CHECK_EQUAL(RESULT_ERROR_MISMATCH, flash_program(&LAYOUT_METADATA, 0, ones, PROGRAM_BYTES)); /* it clears bits only */
        CHECK_EQUAL(0, fake.misuses);
        CHECK_EQUAL(RESULT_ERROR_PROGRAM, flash_program(&LAYOUT_METADATA, 0, zeros, PROGRAM_BYTES));
    }
    CHECK_EQUAL(1, fake.misuses);
    CHECK_EQUAL(RESULT_ERROR_PROGRAM, flash_program(&LAYOUT_METADATA, 1, zeros, PROGRAM_BYTES));
    CHECK_EQUAL(RESULT_OK, flash_erase_page(&LAYOUT_METADATA, 0));
    CHECK(flash_is_blank(&LAYOUT_METADATA, 0, PAGE_BYTES));
    CHECK_EQUAL(3, fake.operations);
    fake.misuses = 0;
}
