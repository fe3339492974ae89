/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Ed25519 (RFC 8032, pure) over a header and a code that lie apart in flash.
 *
 * 1. The message is hashed straight from flash; RAM use does not depend on its size.
 * 2. S must be below the group's order L, so S + L is refused: a signature has one encoding.
 * 3. The equation is checked with the cofactor: [8][S]B = [8]R + [8][k]A. Encodings of R that are not reduced are
 *    accepted, as the RFC allows. Both differ from stricter verifiers only for signatures that the key's owner makes.
 */
#ifndef BOOT_SIGNATURE_H
#define BOOT_SIGNATURE_H

#include <stdint.h>

#include "result.h"

enum { SIGNATURE_BYTES = 64, SIGNATURE_KEY_BYTES = 32, SIGNATURE_HEADER_BYTES = 80 };

/* RESULT_OK if `signature` is the key's signature of header and code, else RESULT_SIGNATURE. */
enum result signature_check(const uint8_t signature[SIGNATURE_BYTES], const uint8_t key[SIGNATURE_KEY_BYTES],
                            const uint8_t header[SIGNATURE_HEADER_BYTES], const uint8_t *code, uint32_t code_bytes);

#endif
