/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "identity.h"

#include <stddef.h>
#include <string.h>

#include "bytes.h"
#include "flash.h"

enum { AT_KEY = 0, AT_HARDWARE = 64 };

static bool key_is_uniform(const uint8_t key[SIGNATURE_KEY_BYTES])
{
    for (uint32_t i = 1; i < SIGNATURE_KEY_BYTES; i++) {
        if (key[i] != key[0]) {
            return false;
        }
    }
    return true;
}

bool identity_trusts(const uint8_t key[SIGNATURE_KEY_BYTES])
{
    const uint8_t *trusted = flash_view(&LAYOUT_IDENTITY, AT_KEY, SIGNATURE_KEY_BYTES);

    return trusted != NULL && !key_is_uniform(trusted) && memcmp(key, trusted, SIGNATURE_KEY_BYTES) == 0;
}

uint32_t identity_hardware_revision(void)
{
    const uint8_t *revision = flash_view(&LAYOUT_IDENTITY, AT_HARDWARE, 4);

    return revision == NULL ? 0 : load_u32(revision);
}
