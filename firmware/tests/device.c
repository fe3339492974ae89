/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot.h"
#include "bytes.h"
#include "crc32.h"
#include "hal.h"
#include "journal.h"
#include "recovery.h"
#include "unit.h"

enum { FILE_BYTES_MAX = 32768, IMAGE_HEADER = 144 };

static const char *const FILES[IMAGE_COUNT] = {
    "v1.spk",          "v2.spk",     "v2_full.spk",       "v2_minimal.spk", "v2_foreign.spk",
    "v2_hardware.spk", "v2_any.spk", "v2_compressed.spk", "v2_large.spk",   "last.spk",
};

static uint8_t images[IMAGE_COUNT][FILE_BYTES_MAX];
static uint32_t image_bytes[IMAGE_COUNT];
static uint8_t identity[REGION_IDENTITY_BYTES];
static uint8_t flash[FAKE_BYTES];

static uint32_t load_file(const char *folder, const char *name, uint8_t *bytes, uint32_t size_bytes)
{
    char path[1024];
    FILE *file;
    size_t count;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (file == NULL) {
        (void)fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    count = fread(bytes, 1, size_bytes, file);
    (void)fclose(file);
    return (uint32_t)count;
}

void device_load(const char *folder)
{
    for (int image = 0; image < IMAGE_COUNT; image++) {
        image_bytes[image] = load_file(folder, FILES[image], images[image], FILE_BYTES_MAX);
    }
    memset(identity, 0xFF, sizeof identity);
    (void)load_file(folder, "identity.bin", identity, sizeof identity);
    fake.flash = flash;
    make_device();
}

const char *device_story(void)
{
    static char story[512];

    (void)snprintf(story, sizeof story, "operations %u, last at 0x%08x (%s), cut at %u, tear %d, misuses %u, uart: %s\n",
                   (unsigned)fake.operations, (unsigned)fake.last_address, fake.last_was_erase ? "erase" : "program",
                   (unsigned)fake.cut_at, (int)fake.tear, (unsigned)fake.misuses, fake.uart);
    return story;
}

uint8_t *device_flash(const struct region *region, uint32_t offset)
{
    return fake.flash + (region->address - FAKE_ADDRESS) + offset;
}

void make_device(void)
{
    memset(fake.flash, 0xFF, FAKE_BYTES);
    memset(fake.writes, 0, sizeof fake.writes);
    memcpy(device_flash(&LAYOUT_IDENTITY, 0), identity, sizeof identity);
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

void device_put_image(const struct region *region, enum device_image image)
{
    const uint32_t size_bytes = image_bytes[image] < region->size_bytes ? image_bytes[image] : region->size_bytes;

    memset(device_flash(region, 0), 0xFF, region->size_bytes);
    memcpy(device_flash(region, 0), images[image], size_bytes);
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

bool device_holds(const struct region *region, enum device_image image)
{
    return memcmp(device_flash(region, 0), images[image], image_bytes[image]) == 0;
}

uint32_t device_image_bytes(enum device_image image)
{
    return image_bytes[image];
}

static void boot_as_main_does(void)
{
    struct boot_end end = boot_run();

    if (end.obstacle == BOOT_NOTHING) {
        hal_program_start(end.vector_table_address);
    }
    recovery_wait(&end);
}

enum fake_end run_boot(void)
{
    return fake_boot(boot_as_main_does);
}

enum fake_end run_until_settled(void)
{
    enum fake_end end = FAKE_CUT;

    for (int boots = 0; boots < 3 && end == FAKE_CUT; boots++) {
        end = run_boot();
    }
    CHECK(end != FAKE_CUT);
    return end;
}
