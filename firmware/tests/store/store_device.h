/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A device whose application keeps modules: banks, slot and log, and nothing else that matters here. */
#ifndef TESTS_STORE_DEVICE_H
#define TESTS_STORE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "device_log.h"
#include "new_device.h"

/* Files that the folder holds, made and signed on the host. */
enum store_image {
    STORE_V1,
    STORE_V2,
    STORE_V3,
    STORE_ALTERED,  /* version 2, a byte changed after signing, the CRC made right again */
    STORE_FOREIGN,  /* version 2, signed with a key that the device does not trust */
    STORE_HARDWARE, /* version 2, for another board */
    STORE_WILD,     /* version 2, properly signed, a relocation outside of it */
    STORE_YOUNG,    /* version 2, for a later application */
    STORE_LARGE,    /* version 2, more RAM than there is */
    STORE_LAST,     /* version 2^48 */
    STORE_ODD,      /* version 2, its entry at an odd offset */
    STORE_BEHIND,   /* version 2, its entry right behind it */
    STORE_IMAGE,    /* version 2, an application */
    STORE_IMAGES
};

enum { STORE_HOST_VERSION = 5, STORE_MEMORY_BYTES = 16384 };

/* A new device with version 1 in a bank, and `staged` in the slot, pending. */
void make_staged_store(uint32_t bank, enum store_image staged);

/* A new device with version 1 in the first bank, and `complete` in the second, which the log calls complete. */
void make_complete_store(enum store_image complete);

/* Put an image into the slot and mark it, with a boot of its own. False: power was cut, at the operation that the test chose. */
bool stage(enum store_image image);

/* Boot once as the application does: find, install if pending, find again. `ran_first` and `ran_last` tell what was found. */
enum fake_end run_boot(void);

/* The version whose bytes the first, and the last, found module has; 0: none was found. */
extern uint64_t ran_first, ran_last;

/* What store_install said; RESULT_OK where nothing was pending. */
extern int installed_with;

#endif
