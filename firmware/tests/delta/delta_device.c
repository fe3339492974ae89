/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "delta_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot.h"
#include "hal.h"
#include "recovery.h"
#include "unit.h"

enum { FILE_BYTES_MAX = 65536 };

static const char *const FILES[DELTA_IMAGES] = {
    "v1.spk",        "v2.spk",           "patch.spk",        "patch_base.spk", "patch_foreign.spk",
    "patch_old.spk", "patch_broken.spk", "patch_target.spk", "patch_last.spk", "v2_next.spk",
    "patch_rotation.spk", "v3_next.spk", "patch_next.spk", "patch_old_key.spk",
};

static uint8_t images[DELTA_IMAGES][FILE_BYTES_MAX];
static uint32_t image_bytes[DELTA_IMAGES];
static uint8_t identity[REGION_IDENTITY_BYTES];
static uint8_t flash[FAKE_BYTES];
static struct log_state state_to_write;

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
    for (int image = 0; image < DELTA_IMAGES; image++) {
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
    memset(fake.unsure, 0, sizeof fake.unsure);
    memcpy(device_flash(&LAYOUT_IDENTITY, 0), identity, sizeof identity);
}

void device_put_image(const struct region *region, enum delta_image image)
{
    const uint32_t size_bytes = image_bytes[image] < region->size_bytes ? image_bytes[image] : region->size_bytes;

    memset(device_flash(region, 0), 0xFF, region->size_bytes);
    memcpy(device_flash(region, 0), images[image], size_bytes);
}

static void write_log(void)
{
    struct log log = log_read();
    struct log_state next = state_to_write;

    CHECK_EQUAL(RESULT_OK, log_settle(&log));
    next.cursor = log.state.cursor;
    CHECK_EQUAL(RESULT_OK, log_write(&log, &next));
}

void device_write_log(const struct log_state *state)
{
    state_to_write = *state;
    CHECK_EQUAL(FAKE_RETURNED, fake_boot(write_log));
}

void make_staged_device(enum delta_image patch)
{
    const struct log_state state = {1, LOG_PENDING, RESULT_OK, 0, 0, false, 0, 0, 0};

    make_device();
    device_put_image(&LAYOUT_APPLICATION, DELTA_V1);
    device_put_image(&LAYOUT_SLOT, patch);
    device_write_log(&state);
}

void stage_patch(enum delta_image patch)
{
    struct log_state state = device_state();

    device_put_image(&LAYOUT_SLOT, patch);
    state.stage = LOG_PENDING;
    device_write_log(&state);
}

bool device_holds(const struct region *region, enum delta_image image)
{
    return memcmp(device_flash(region, 0), images[image], image_bytes[image]) == 0;
}

const uint8_t *device_image(enum delta_image image)
{
    return images[image];
}

uint32_t device_image_bytes(enum delta_image image)
{
    return image_bytes[image];
}

struct log_state device_state(void)
{
    return log_read().state;
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
