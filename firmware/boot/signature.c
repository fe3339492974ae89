/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "signature.h"

#include "bearssl_hash.h"
#include "monocypher.h"

enum result signature_check(const uint8_t signature[SIGNATURE_BYTES], const uint8_t key[SIGNATURE_KEY_BYTES],
                            const uint8_t header[SIGNATURE_HEADER_BYTES], const uint8_t *code, uint32_t code_bytes)
{
    br_sha512_context hash;
    uint8_t digest[br_sha512_SIZE];
    uint8_t challenge[32];

    br_sha512_init(&hash);
    br_sha512_update(&hash, signature, 32); /* R, the first half of the signature */
    br_sha512_update(&hash, key, SIGNATURE_KEY_BYTES);
    br_sha512_update(&hash, header, SIGNATURE_HEADER_BYTES);
    br_sha512_update(&hash, code, code_bytes);
    br_sha512_out(&hash, digest);
    crypto_eddsa_reduce(challenge, digest);
    return crypto_eddsa_check_equation(signature, key, challenge) == 0 ? RESULT_OK : RESULT_SIGNATURE;
}
