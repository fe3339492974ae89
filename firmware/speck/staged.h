/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What an update is in a profile: one file for whole images, one for patches.
 *
 * 1. staged_check writes nothing. staged_mark writes what SPEC says makes an update pending, and nothing where one is.
 */
#ifndef SPECK_STAGED_H
#define SPECK_STAGED_H

#include <stdbool.h>

#include "result.h"

/* Whether an update is on its way. */
bool staged_is_pending(void);

/* Verify the slot as the bootloader would. */
enum result staged_check(void);

/* Make the slot pending. */
enum result staged_mark(void);

/* Verify the application region as the bootloader would. */
enum result staged_check_application(void);

#endif
