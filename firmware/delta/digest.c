/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "digest.h"

#include <string.h>

#include "bearssl_hash.h"

static const uint64_t INITIAL[8] = {
    0x22312194FC2BF72Cu, 0x9F555FA3C84C64C2u, 0x2393B86B6F53B151u, 0x963877195940EABDu,
    0x96283EE2A88EFFE3u, 0xBE5E1E2553863992u, 0x2B0199FC2C85B8AAu, 0x0EB72DDC81C52CA2u,
};

void digest_of(const uint8_t *data, uint32_t size_bytes, uint8_t digest[DIGEST_BYTES])
{
    uint8_t whole[br_sha512_SIZE];
    br_sha512_context hash;

    br_sha512_init(&hash);
    memcpy(hash.val, INITIAL, sizeof hash.val);
    br_sha512_update(&hash, data, size_bytes);
    br_sha512_out(&hash, whole);
    memcpy(digest, whole, DIGEST_BYTES);
}
