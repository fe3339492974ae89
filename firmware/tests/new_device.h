/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A new device on the fake flash, and the images that may be put into it.
 *
 * 1. Each test program numbers its images with an enum of its own; the names of their files are in the same order.
 */
#ifndef TESTS_NEW_DEVICE_H
#define TESTS_NEW_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "flash_fake.h"
#include "layout.h"

enum { DEVICE_IMAGES_MAX = 16, DEVICE_IMAGE_BYTES_MAX = 65536 };

/* Read so many images by the names of their files, and identity.bin, from a folder, and make a new device. Exits with status 2
 * where a file can't be read. */
void device_read_files(const char *folder, const char *const names[], uint32_t count);

/* A new device: identity written, all else erased. */
void make_device(void);

/* The flash at an offset of a region, for writing past all checks. */
uint8_t *device_flash(const struct region *region, uint32_t offset);

/* Put an image at the start, or at an offset, of a region, as far as it fits; all behind it is erased. */
void device_put_image(const struct region *region, uint32_t image);
void device_put_image_at(const struct region *region, uint32_t offset, uint32_t image);

/* Whether the region starts with the image. */
bool device_holds(const struct region *region, uint32_t image);

const uint8_t *device_image(uint32_t image);

uint32_t device_image_bytes(uint32_t image);

#endif
