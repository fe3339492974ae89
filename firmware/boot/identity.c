/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "identity.h"

#include <stddef.h>
#include <string.h>

#include "bytes.h"
#include "flash.h"
#include "hal.h"

enum {
    AT_KEY = 0,
    AT_HARDWARE = 64,
    AT_PLACES = 128,
    GUARD_BYTES = 4,
    PLACE_BYTES = GUARD_BYTES + SIGNATURE_KEY_BYTES
};

_Static_assert(AT_PLACES + (IDENTITY_KEY_PLACES + 1) * PLACE_BYTES <= LAYOUT_PAGE_BYTES, "every place is in the page, and one that is never written");
_Static_assert(AT_PLACES % LAYOUT_PROGRAM_BYTES == 0 && GUARD_BYTES % LAYOUT_PROGRAM_BYTES == 0 && PLACE_BYTES % LAYOUT_PROGRAM_BYTES == 0,
               "whole program units");

static uint32_t trusted_number;

/* Where a place begins: that of key 1 is the first. */
static uint32_t place_offset(uint32_t number)
{
    return AT_PLACES + (number - 1) * PLACE_BYTES;
}

static const uint8_t *key_at(uint32_t number)
{
    return flash_view(&LAYOUT_IDENTITY, number == 0 ? AT_KEY : place_offset(number) + GUARD_BYTES, SIGNATURE_KEY_BYTES);
}

static bool key_is_uniform(const uint8_t key[SIGNATURE_KEY_BYTES])
{
    for (uint32_t i = 1; i < SIGNATURE_KEY_BYTES; i++) {
        if (key[i] != key[0]) {
            return false;
        }
    }
    return true;
}

void identity_trust(uint32_t number)
{
    trusted_number = number;
}

void identity_trust_signer(const uint8_t key[SIGNATURE_KEY_BYTES])
{
    trusted_number = 0;
    while (trusted_number <= IDENTITY_KEY_PLACES && !identity_trusts(key)) {
        trusted_number++;
    }
}

bool identity_trusts(const uint8_t key[SIGNATURE_KEY_BYTES])
{
    const uint8_t *trusted = key_at(trusted_number);

    return trusted != NULL && !key_is_uniform(trusted) && memcmp(key, trusted, SIGNATURE_KEY_BYTES) == 0;
}

enum result identity_check_new_key(const uint8_t key[SIGNATURE_KEY_BYTES])
{
    return key_is_uniform(key) || identity_trusts(key) ? RESULT_NEW_KEY : RESULT_OK;
}

uint32_t identity_last_key(void)
{
    uint32_t number = IDENTITY_KEY_PLACES;

    while (number > 0 && flash_is_blank(&LAYOUT_IDENTITY, place_offset(number), PLACE_BYTES)) {
        number--;
    }
    return number;
}

/* The one write outside of the regions that flash.h lets anybody write; here, where nothing but an empty place can be meant. */
enum result identity_add_key(const uint8_t key[SIGNATURE_KEY_BYTES])
{
    static const uint8_t GUARD[GUARD_BYTES] = {0};
    const uint32_t number = identity_last_key() + 1;
    const uint32_t address = LAYOUT_IDENTITY.address + place_offset(number);
    enum result result;

    if (number > IDENTITY_KEY_PLACES) {
        return RESULT_ERROR_RANGE;
    }
    result = hal_flash_program(address, GUARD, sizeof GUARD);
    return result == RESULT_OK ? hal_flash_program(address + GUARD_BYTES, key, SIGNATURE_KEY_BYTES) : result;
}

uint32_t identity_hardware_revision(void)
{
    const uint8_t *revision = flash_view(&LAYOUT_IDENTITY, AT_HARDWARE, 4);

    return revision == NULL ? 0 : load_u32(revision);
}
