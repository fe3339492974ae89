/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "new_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static uint8_t images[DEVICE_IMAGES_MAX][DEVICE_IMAGE_BYTES_MAX];
static uint32_t image_bytes[DEVICE_IMAGES_MAX];
static uint8_t identity[REGION_IDENTITY_BYTES];
static uint8_t flash[FAKE_BYTES];

static uint32_t read_file(const char *folder, const char *name, uint8_t *bytes, uint32_t size_bytes)
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

void device_read_files(const char *folder, const char *const names[], uint32_t count)
{
    for (uint32_t image = 0; image < count; image++) {
        image_bytes[image] = read_file(folder, names[image], images[image], DEVICE_IMAGE_BYTES_MAX);
    }
    memset(identity, 0xFF, sizeof identity);
    (void)read_file(folder, "identity.bin", identity, sizeof identity);
    fake.flash = flash;
    make_device();
}

void make_device(void)
{
    memset(fake.flash, 0xFF, FAKE_BYTES);
    memset(fake.writes, 0, sizeof fake.writes);
    memset(fake.unsure, 0, sizeof fake.unsure);
    memcpy(device_flash(&LAYOUT_IDENTITY, 0), identity, sizeof identity);
}

uint8_t *device_flash(const struct region *region, uint32_t offset)
{
    return fake.flash + (region->address - FAKE_ADDRESS) + offset;
}

void device_put_image(const struct region *region, uint32_t image)
{
    device_put_image_at(region, 0, image);
}

void device_put_image_at(const struct region *region, uint32_t offset, uint32_t image)
{
    const uint32_t room = region->size_bytes - offset;

    memset(device_flash(region, offset), 0xFF, room);
    memcpy(device_flash(region, offset), images[image], image_bytes[image] < room ? image_bytes[image] : room);
}

bool device_holds(const struct region *region, uint32_t image)
{
    return memcmp(device_flash(region, 0), images[image], image_bytes[image]) == 0;
}

const uint8_t *device_image(uint32_t image)
{
    return images[image];
}

uint32_t device_image_bytes(uint32_t image)
{
    return image_bytes[image];
}

const char *device_story(void)
{
    static char story[512];

    (void)snprintf(story, sizeof story, "operations %u, last at 0x%08x (%s), cut at %u, tear %d, misuses %u, uart: %s\n",
                   (unsigned)fake.operations, (unsigned)fake.last_address, fake.last_was_erase ? "erase" : "program",
                   (unsigned)fake.cut_at, (int)fake.tear, (unsigned)fake.misuses, fake.uart);
    return story;
}
