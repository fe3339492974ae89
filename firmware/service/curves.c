/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Keys, agreements and signatures on elliptic curves. */
#include <stddef.h>

#include "commands.h"
#include "monocypher.h"

enum { SCALAR_BYTES = 32, SIGNATURE_BYTES = 64 };

static bool takes(const char *word, uint8_t *bytes, int32_t size_bytes)
{
    return line_bytes(word, bytes, (uint32_t)size_bytes) == size_bytes;
}

static bool run_agree(char *const *words)
{
    uint8_t secret[SCALAR_BYTES];
    uint8_t peer[SCALAR_BYTES];
    uint8_t shared[SCALAR_BYTES];

    if (!takes(words[1], secret, sizeof secret) || !takes(words[2], peer, sizeof peer)) {
        return false;
    }
    crypto_x25519(shared, secret, peer);
    answer_bytes(shared, sizeof shared);
    return true;
}

static bool run_public(char *const *words)
{
    uint8_t secret[SCALAR_BYTES];
    uint8_t public_key[SCALAR_BYTES];

    if (!takes(words[1], secret, sizeof secret)) {
        return false;
    }
    crypto_x25519_public_key(public_key, secret);
    answer_bytes(public_key, sizeof public_key);
    return true;
}

/* Monocypher's EdDSA: BLAKE2b in place of SHA-512. */
static bool run_check(char *const *words)
{
    uint8_t public_key[SCALAR_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    struct range range;

    if (!takes(words[1], public_key, sizeof public_key) || !takes(words[2], signature, sizeof signature) || !range_of(words + 3, &range)) {
        return false;
    }
    answer_text(crypto_eddsa_check(signature, public_key, range.bytes, range.size_bytes) == 0 ? "right" : "wrong");
    return true;
}

const struct command CURVE_COMMANDS[] = {
    {"public", 2, run_public, "SECRET: its public key, X25519"},
    {"agree", 3, run_agree, "SECRET PUBLIC: the shared secret, X25519"},
    {"check", 5, run_check, "PUBLIC SIGNATURE OFFSET SIZE: of EdDSA with BLAKE2b"},
};

const uint32_t CURVE_COMMAND_COUNT = sizeof CURVE_COMMANDS / sizeof CURVE_COMMANDS[0];
