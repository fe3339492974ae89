/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What production wrote into the identity page: the trusted key and the hardware revision (SPEC section 2).
 *
 * 1. A device whose key was never written (all bytes equal, 0xFF or 0x00) trusts nothing.
 */
#ifndef BOOT_IDENTITY_H
#define BOOT_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "signature.h"

/* Whether `key` is the trusted one. */
bool identity_trusts(const uint8_t key[SIGNATURE_KEY_BYTES]);

/* The board's hardware revision. */
uint32_t identity_hardware_revision(void);

#endif
