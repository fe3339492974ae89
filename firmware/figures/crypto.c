/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Verifies and signs 16 KiB with the bootloader's own library. Inputs: word 0 what, 8: public key, 16: signature, 32: seed. */
#include <string.h>

#include "bearssl_hash.h"
#include "figure.h"
#include "hal.h"
#include "monocypher.h"
#include "signature.h"

enum { VERIFY = 0, SIGN = 1 };
enum { AT_KEY = 8, AT_SIGNATURE = 16, AT_SEED = 32 };

static const uint8_t *const MESSAGE = (const uint8_t *)REGION_MESSAGE_ADDRESS;

static void hash(uint8_t reduced[32], const uint8_t *first, const uint8_t *second)
{
    br_sha512_context context;
    uint8_t digest[br_sha512_SIZE];

    br_sha512_init(&context);
    br_sha512_update(&context, first, 32);
    if (second != NULL) {
        br_sha512_update(&context, second, 32);
    }
    br_sha512_update(&context, MESSAGE, REGION_MESSAGE_BYTES);
    br_sha512_out(&context, digest);
    crypto_eddsa_reduce(reduced, digest);
}

/* RFC 8032 section 5.1.6, with a public key that is at hand. */
static void sign(uint8_t signature[64], const uint8_t seed[32], const uint8_t key[32])
{
    br_sha512_context context;
    uint8_t expanded[br_sha512_SIZE];
    uint8_t scalar[32];
    uint8_t nonce[32];
    uint8_t challenge[32];

    br_sha512_init(&context);
    br_sha512_update(&context, seed, 32);
    br_sha512_out(&context, expanded);
    crypto_eddsa_trim_scalar(scalar, expanded);
    hash(nonce, expanded + 32, NULL);
    crypto_eddsa_scalarbase(signature, nonce);
    hash(challenge, signature, key);
    crypto_eddsa_mul_add(signature + 32, challenge, scalar, nonce);
}

int main(void)
{
    const uint8_t *key = figure_input_bytes(AT_KEY);
    const uint8_t *expected = figure_input_bytes(AT_SIGNATURE);
    uint8_t signature[64];
    int same;

    hal_start();
    figure_mark(1);
    if (figure_input(0) == SIGN) {
        sign(signature, figure_input_bytes(AT_SEED), key);
        same = memcmp(signature, expected, sizeof signature) == 0;
    } else {
        same = signature_check(expected, key, MESSAGE, MESSAGE + SIGNATURE_HEADER_BYTES,
                               REGION_MESSAGE_BYTES - SIGNATURE_HEADER_BYTES) == RESULT_OK;
    }
    figure_mark(same ? 2 : 0);
    hal_sleep();
}
