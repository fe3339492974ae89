/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SHA-512/256 (FIPS 180-4 5.3.6.2): SHA-512 from other initial values, cut to 32 bytes. */
#ifndef DELTA_DIGEST_H
#define DELTA_DIGEST_H

#include <stdint.h>

enum { DIGEST_BYTES = 32 };

void digest_of(const uint8_t *data, uint32_t size_bytes, uint8_t digest[DIGEST_BYTES]);

#endif
