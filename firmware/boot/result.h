/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Results: 0 is success, a positive number refuses an image, a negative number is a failure of the flash.
 *
 * 1. The positive numbers are part of the format; up to RESULT_SIGNATURE an image is checked in their order (SPEC section 1).
 * 2. The journal stores a positive number when an update is closed as refused (SPEC section 4).
 */
#ifndef BOOT_RESULT_H
#define BOOT_RESULT_H

enum result {
    RESULT_OK = 0,

    RESULT_MAGIC = 1,
    RESULT_FORMAT = 2,
    RESULT_FLAGS = 3,
    RESULT_SIZE = 4,
    RESULT_ENTRY = 5,
    RESULT_RESERVED = 6,
    RESULT_HARDWARE = 7,
    RESULT_VERSION = 8,
    RESULT_CRC = 9,
    RESULT_KEY = 10,
    RESULT_SIGNATURE = 11,
    RESULT_BASE = 12,   /* a patch for another base image */
    RESULT_PATCH = 13,  /* a patch that is malformed */
    RESULT_TARGET = 14, /* a patch that does not make the image that it names */
    RESULT_MODULE = 15, /* a module that is malformed, or that this host can't load */
    RESULT_NEW_KEY = 16,    /* a patch whose new key is none, or the trusted one */
    RESULT_KEY_PLACES = 17, /* a patch with a new key, and no place is left for it */

    RESULT_ERROR_TIMEOUT = -1,   /* the flash controller never finished */
    RESULT_ERROR_PROGRAM = -2,   /* the controller says that the cells were not erased */
    RESULT_ERROR_PROTECTED = -3, /* the controller says that the page is write-protected */
    RESULT_ERROR_MISMATCH = -4,  /* the flash does not hold what was written */
    RESULT_ERROR_RANGE = -5,     /* outside the areas that the bootloader may write */
    RESULT_ERROR_LOCKED = -6     /* the flash controller did not open for writing */
};

/* The word for a result, for people. Never NULL. */
const char *result_word(enum result result);

#endif
