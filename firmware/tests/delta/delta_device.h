/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A device whose updates are patches, as production and the download leave it. */
#ifndef TESTS_DELTA_DEVICE_H
#define TESTS_DELTA_DEVICE_H

#include "boots.h"
#include "device_log.h"
#include "new_device.h"

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
    DELTA_V_PAST_LAST,   /* an application of version 2^48 */
    DELTA_IMAGES
};

/* Version 1 installed and confirmed, a patch staged and pending. */
void make_staged_device(enum delta_image patch);

/* Stage another patch, pending, on the device as it is. */
void stage_patch(enum delta_image patch);

#endif
