/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "device.h"

#include <string.h>

#include "bytes.h"
#include "crc32.h"
#include "journal.h"
#include "unit.h"

enum { IMAGE_HEADER = 144 };

static const char *const FILES[IMAGE_COUNT] = {
    "v1.spk",          "v2.spk",     "v2_full.spk",       "v2_minimal.spk", "v2_foreign.spk",
    "v2_hardware.spk", "v2_any.spk", "v2_compressed.spk", "v2_large.spk",   "last.spk",
};

_Static_assert((int)IMAGE_COUNT <= (int)DEVICE_IMAGES_MAX, "there is room for each");

void device_load(const char *folder)
{
    device_read_files(folder, FILES, IMAGE_COUNT);
}

void make_installed_device(void)
{
    make_device();
    device_put_image(&LAYOUT_APPLICATION, IMAGE_V1);
    device_put_counter(0, 0, 1);
}

void make_staged_device(enum device_image image)
{
    make_installed_device();
    device_put_image(&LAYOUT_SLOT, image);
    device_put_journal_record(2, 0, JOURNAL_PENDING, 0);
    device_put_journal_header(2, 1);
}

void device_put_counter(uint32_t page, uint32_t place, uint64_t value)
{
    uint8_t *records = device_flash(&LAYOUT_METADATA, page * LAYOUT_PAGE_BYTES + place * DEVICE_COUNTER_PLACE_BYTES);

    for (uint32_t record = 0; record < 2; record++) {
        store_u64(records + 16 * record, value);
        store_u64(records + 16 * record + 8, ~value);
    }
}

void device_put_journal_header(uint32_t page, uint32_t sequence)
{
    uint8_t *header = device_flash(&LAYOUT_METADATA, page * LAYOUT_PAGE_BYTES);

    store_u32(header, sequence);
    store_u32(header + 4, ~sequence);
}

void device_put_journal_record(uint32_t page, uint32_t index, uint16_t kind, uint16_t value)
{
    uint8_t *record = device_flash(&LAYOUT_METADATA, page * LAYOUT_PAGE_BYTES + 8 + index * 8);

    store_u16(record, kind);
    store_u16(record + 2, value);
    store_u16(record + 4, (uint16_t)~kind);
    store_u16(record + 6, (uint16_t)~value);
}

void device_put_torn(uint32_t metadata_offset, uint32_t size_bytes)
{
    uint8_t *record = device_flash(&LAYOUT_METADATA, metadata_offset);

    memset(record, 0xFF, size_bytes);
    store_u16(record, 0x00F1);
}

void device_fix_crc(const struct region *region)
{
    uint8_t *header = device_flash(region, 0);

    store_u32(header + 34, crc32_of(header + IMAGE_HEADER, load_u32(header + 10)));
}
