/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Digests and authentication codes of what the application region holds. */
#include <stddef.h>

#include "bearssl_hash.h"
#include "bearssl_hmac.h"
#include "bearssl_kdf.h"
#include "commands.h"
#include "crc32.h"
#include "hal.h"
#include "monocypher.h"

enum { KEY_BYTES_MAX = 64, DUMP_BYTES_MAX = 256 };

bool range_of(char *const *words, struct range *range)
{
    uint32_t offset;

    if (!line_number(words[0], &offset) || !line_number(words[1], &range->size_bytes)) {
        return false;
    }
#if APPLICATION_VERSION >= 2
    /* Subtracted, not added: an offset near 2^32 wrapped around and let the console read anything below the region. */
    if (offset > REGION_APPLICATION_BYTES || range->size_bytes > REGION_APPLICATION_BYTES - offset) {
#else
    if (offset + range->size_bytes > REGION_APPLICATION_BYTES) {
#endif
        return false;
    }
    range->bytes = hal_flash_view(REGION_APPLICATION_ADDRESS + offset, range->size_bytes);
    return true;
}

static bool run_dump(char *const *words)
{
    struct range range;

    if (!range_of(words + 1, &range) || range.size_bytes > DUMP_BYTES_MAX) {
        return false;
    }
    answer_bytes(range.bytes, range.size_bytes);
    return true;
}

static bool run_crc32(char *const *words)
{
    struct range range;
    uint8_t bytes[4];

    if (!range_of(words + 1, &range)) {
        return false;
    }
    const uint32_t crc = crc32_of(range.bytes, range.size_bytes);
    for (uint32_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(crc >> (24u - 8u * i));
    }
    answer_bytes(bytes, sizeof bytes);
    return true;
}

static bool run_sha256(char *const *words)
{
    uint8_t digest[br_sha256_SIZE];
    br_sha256_context context;
    struct range range;

    if (!range_of(words + 1, &range)) {
        return false;
    }
    br_sha256_init(&context);
    br_sha256_update(&context, range.bytes, range.size_bytes);
    br_sha256_out(&context, digest);
    answer_bytes(digest, sizeof digest);
    return true;
}

static bool run_blake2b(char *const *words)
{
    uint8_t digest[64];
    struct range range;

    if (!range_of(words + 1, &range)) {
        return false;
    }
    crypto_blake2b(digest, sizeof digest, range.bytes, range.size_bytes);
    answer_bytes(digest, sizeof digest);
    return true;
}

static bool run_hmac(char *const *words)
{
    uint8_t key_bytes[KEY_BYTES_MAX];
    uint8_t code[br_sha256_SIZE];
    const int32_t key_size = line_bytes(words[1], key_bytes, sizeof key_bytes);
    br_hmac_key_context key;
    br_hmac_context context;
    struct range range;

    if (key_size < 0 || !range_of(words + 2, &range)) {
        return false;
    }
    br_hmac_key_init(&key, &br_sha256_vtable, key_bytes, (size_t)key_size);
    br_hmac_init(&context, &key, 0);
    br_hmac_update(&context, range.bytes, range.size_bytes);
    answer_bytes(code, (uint32_t)br_hmac_out(&context, code));
    return true;
}

static bool run_derive(char *const *words)
{
    uint8_t secret[KEY_BYTES_MAX];
    uint8_t label[KEY_BYTES_MAX];
    uint8_t derived[32];
    const int32_t secret_size = line_bytes(words[1], secret, sizeof secret);
    const int32_t label_size = line_bytes(words[2], label, sizeof label);
    br_hkdf_context context;

    if (secret_size < 0 || label_size < 0) {
        return false;
    }
    br_hkdf_init(&context, &br_sha256_vtable, BR_HKDF_NO_SALT, 0);
    br_hkdf_inject(&context, secret, (size_t)secret_size);
    br_hkdf_flip(&context);
    (void)br_hkdf_produce(&context, label, (size_t)label_size, derived, sizeof derived);
    answer_bytes(derived, sizeof derived);
    return true;
}

#if APPLICATION_VERSION >= 3
/* Where a byte string occurs in the region; -1 in eight digits where it does not. */
static bool run_find(char *const *words)
{
    uint8_t wanted[KEY_BYTES_MAX];
    uint8_t bytes[4];
    const int32_t wanted_size = line_bytes(words[1], wanted, sizeof wanted);
    const uint8_t *region = hal_flash_view(REGION_APPLICATION_ADDRESS, REGION_APPLICATION_BYTES);
    uint32_t found = 0xFFFFFFFFu;

    if (wanted_size <= 0) {
        return false;
    }
    for (uint32_t at = 0; found == 0xFFFFFFFFu && at + (uint32_t)wanted_size <= REGION_APPLICATION_BYTES; at++) {
        int32_t same = 0;

        while (same < wanted_size && region[at + (uint32_t)same] == wanted[same]) {
            same++;
        }
        found = same == wanted_size ? at : found;
    }
    for (uint32_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(found >> (24u - 8u * i));
    }
    answer_bytes(bytes, sizeof bytes);
    return true;
}
#endif

const struct command DIGEST_COMMANDS[] = {
    {"dump", 3, run_dump, "OFFSET SIZE: the bytes"},
    {"crc32", 3, run_crc32, "OFFSET SIZE: as zlib computes it"},
    {"sha256", 3, run_sha256, "OFFSET SIZE"},
    {"blake2b", 3, run_blake2b, "OFFSET SIZE"},
    {"hmac", 4, run_hmac, "KEY OFFSET SIZE: with SHA-256"},
    {"derive", 3, run_derive, "SECRET LABEL: a key of 32 bytes, by HKDF with SHA-256"},
#if APPLICATION_VERSION >= 3
    {"find", 2, run_find, "BYTES: where they occur first"},
#endif
};

const uint32_t DIGEST_COMMAND_COUNT = sizeof DIGEST_COMMANDS / sizeof DIGEST_COMMANDS[0];
