/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A device whose updates are patches, as production and the download leave it. */
#ifndef TESTS_DELTA_DEVICE_H
#define TESTS_DELTA_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "flash_fake.h"
#include "layout.h"
#include "log.h"

/* Files that the folder holds, made and signed on the host. */
enum delta_image {
    DELTA_V1,
    DELTA_V2,
    DELTA_PATCH,         /* version 1 to version 2 */
    DELTA_PATCH_BASE,    /* the same for another base of version 1 */
    DELTA_PATCH_FOREIGN, /* signed with a key that the device does not trust */
    DELTA_PATCH_OLD,     /* its target has version 1 */
    DELTA_PATCH_BROKEN,  /* properly signed, its last byte missing */
    DELTA_PATCH_TARGET,  /* properly signed, its target digest another */
    DELTA_PATCH_LAST,    /* its target has version 2^48 */
    DELTA_V2_NEXT,       /* version 2, signed with the next key */
    DELTA_PATCH_ROTATION, /* version 1 to that, with the next key */
    DELTA_V3_NEXT,       /* version 3, signed with the next key */
    DELTA_PATCH_NEXT,    /* from version 2 to that, signed with the next key */
    DELTA_PATCH_OLD_KEY, /* the same, signed with production's */
    DELTA_IMAGES
};

/* A new device: identity written, all else erased. */
void make_device(void);

/* Version 1 installed and confirmed, a patch staged and pending. */
void make_staged_device(enum delta_image patch);

/* Stage another patch, pending, on the device as it is. */
void stage_patch(enum delta_image patch);

/* Put an image at the start of a region, the rest of which is erased. */
void device_put_image(const struct region *region, enum delta_image image);

/* Write this state to the log, with a boot of its own. */
void device_write_log(const struct log_state *state);

/* The flash at an offset of a region, for writing past all checks. */
uint8_t *device_flash(const struct region *region, uint32_t offset);

/* Whether the region starts with the image. */
bool device_holds(const struct region *region, enum delta_image image);

const uint8_t *device_image(enum delta_image image);

uint32_t device_image_bytes(enum delta_image image);

/* The state of the log. */
struct log_state device_state(void);

/* Boot once as main.c does. */
enum fake_end run_boot(void);

/* Boot until an application starts or the bootloader waits; fails the test after three boots. */
enum fake_end run_until_settled(void);

#endif
