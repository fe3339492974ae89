/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "store_device.h"

#include <string.h>

#include "image.h"
#include "store.h"
#include "unit.h"

enum { WHOLE_MODULES = 3 };

static const char *const FILES[STORE_IMAGES] = {
    "m1.spk",   "m2.spk",    "m3.spk",    "altered.spk", "foreign.spk", "hardware.spk",
    "wild.spk", "young.spk", "large.spk", "last.spk",    "odd.spk",     "behind.spk",
    "application.spk",
};

_Static_assert((int)STORE_IMAGES <= (int)DEVICE_IMAGES_MAX, "there is room for each");

static const struct module_limits LIMITS = {STORE_MEMORY_BYTES, STORE_HOST_VERSION};

uint64_t ran_first, ran_last;
int installed_with;

void device_load(const char *folder)
{
    device_read_files(folder, FILES, STORE_IMAGES);
}

void make_staged_store(uint32_t bank, enum store_image staged)
{
    make_device();
    device_put_image_at(&LAYOUT_APPLICATION, bank * (LAYOUT_APPLICATION.size_bytes / 2), STORE_V1);
    device_put_image(&LAYOUT_SLOT, staged);
    device_write_log(&(const struct log_state){.counter = 1, .stage = LOG_PENDING});
}

void make_complete_store(enum store_image complete)
{
    make_device();
    device_put_image(&LAYOUT_APPLICATION, STORE_V1);
    device_put_image_at(&LAYOUT_APPLICATION, LAYOUT_APPLICATION.size_bytes / 2, complete);
    device_put_image(&LAYOUT_SLOT, complete);
    device_write_log(&(const struct log_state){.counter = 1, .stage = LOG_COMPLETE, .scratch = 1});
}

static void mark(void)
{
    struct store store = store_open(LIMITS);

    (void)store_mark_pending(&store);
}

bool stage(enum store_image image)
{
    memset(fake.unsure + (LAYOUT_SLOT.address - FAKE_ADDRESS), 0, LAYOUT_SLOT.size_bytes);
    device_put_image(&LAYOUT_SLOT, image);
    return fake_boot(mark) == FAKE_RETURNED;
}

/* Whose bytes a module has that the store named: those of a whole image, to the last one, or the test has found a torn module. */
static uint64_t version_of(const struct module *module)
{
    const uint8_t *start = module->relocations - MODULE_FIELDS_BYTES - IMAGE_HEADER_BYTES;

    for (uint32_t image = 0; image < WHOLE_MODULES; image++) {
        if (memcmp(start, device_image(image), device_image_bytes(image)) == 0) {
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
