/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "store_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "store.h"
#include "unit.h"

enum { FILE_BYTES_MAX = 65536, WHOLE_MODULES = 3 };

static const char *const FILES[STORE_IMAGES] = {
    "m1.spk",   "m2.spk",    "m3.spk",    "altered.spk", "foreign.spk", "hardware.spk",
    "wild.spk", "young.spk", "large.spk", "last.spk",    "application.spk",
};

static uint8_t images[STORE_IMAGES][FILE_BYTES_MAX];
static uint32_t image_bytes[STORE_IMAGES];
static uint8_t identity[REGION_IDENTITY_BYTES];
static uint8_t flash[FAKE_BYTES];
static struct log_state state_to_write;
static const struct module_limits LIMITS = {STORE_MEMORY_BYTES, STORE_HOST_VERSION};

uint64_t ran_first, ran_last;
int installed_with;

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

static void make_device(void)
{
    memset(fake.flash, 0xFF, FAKE_BYTES);
    memset(fake.writes, 0, sizeof fake.writes);
    memset(fake.unsure, 0, sizeof fake.unsure);
    memcpy(device_flash(&LAYOUT_IDENTITY, 0), identity, sizeof identity);
}

void device_load(const char *folder)
{
    for (int image = 0; image < STORE_IMAGES; image++) {
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

    (void)snprintf(story, sizeof story, "operations %u, last at 0x%08x (%s), cut at %u, tear %d, misuses %u, ran %u then %u\n",
                   (unsigned)fake.operations, (unsigned)fake.last_address, fake.last_was_erase ? "erase" : "program",
                   (unsigned)fake.cut_at, (int)fake.tear, (unsigned)fake.misuses, (unsigned)ran_first, (unsigned)ran_last);
    return story;
}

uint8_t *device_flash(const struct region *region, uint32_t offset)
{
    return fake.flash + (region->address - FAKE_ADDRESS) + offset;
}

void device_put(const struct region *region, uint32_t offset, enum store_image image)
{
    memset(device_flash(region, offset), 0xFF, region->size_bytes - offset);
    memcpy(device_flash(region, offset), images[image], image_bytes[image]);
}

static void write_log(void)
{
    struct log log = log_read();
    struct log_state next = state_to_write;

    CHECK_EQUAL(RESULT_OK, log_settle(&log));
    next.cursor = log.state.cursor;
    CHECK_EQUAL(RESULT_OK, log_write(&log, &next));
}

void make_staged_store(uint32_t bank, enum store_image staged)
{
    make_device();
    device_put(&LAYOUT_APPLICATION, bank * (LAYOUT_APPLICATION.size_bytes / 2), STORE_V1);
    device_put(&LAYOUT_SLOT, 0, staged);
    state_to_write = (struct log_state){.counter = 1, .stage = LOG_PENDING};
    CHECK_EQUAL(FAKE_RETURNED, fake_boot(write_log));
}

void make_complete_store(enum store_image complete)
{
    make_device();
    device_put(&LAYOUT_APPLICATION, 0, STORE_V1);
    device_put(&LAYOUT_APPLICATION, LAYOUT_APPLICATION.size_bytes / 2, complete);
    device_put(&LAYOUT_SLOT, 0, complete);
    state_to_write = (struct log_state){.counter = 1, .stage = LOG_COMPLETE, .scratch = 1};
    CHECK_EQUAL(FAKE_RETURNED, fake_boot(write_log));
}

static void mark(void)
{
    struct store store = store_open(LIMITS);

    (void)store_mark_pending(&store);
}

bool stage(enum store_image image)
{
    memset(fake.unsure + (LAYOUT_SLOT.address - FAKE_ADDRESS), 0, LAYOUT_SLOT.size_bytes);
    device_put(&LAYOUT_SLOT, 0, image);
    return fake_boot(mark) == FAKE_RETURNED;
}

struct log_state device_state(void)
{
    return log_read().state;
}

/* Whose bytes a module has that the store named: those of a whole image, to the last one, or the test has found a torn module. */
static uint64_t version_of(const struct module *module)
{
    const uint8_t *start = module->relocations - MODULE_FIELDS_BYTES - IMAGE_HEADER_BYTES;

    for (int image = 0; image < WHOLE_MODULES; image++) {
        if (memcmp(start, images[image], image_bytes[image]) == 0) {
            return (uint64_t)image + 1;
        }
    }
    CHECK(false);
    return 0;
}

static void find(struct store *store)
{
    struct module module;

    ran_last = store_find(store, &module) == RESULT_OK ? version_of(&module) : 0;
    if (ran_last != 0) {
        CHECK_EQUAL(store->log.state.counter, ran_last);
    }
}

static void run_application(void)
{
    struct store store = store_open(LIMITS);

    find(&store);
    ran_first = ran_last;
    if (store_is_pending(&store)) {
        installed_with = (int)store_install(&store);
        find(&store);
    }
}

enum fake_end run_boot(void)
{
    ran_first = 0;
    ran_last = 0;
    installed_with = RESULT_OK;
    return fake_boot(run_application);
}
