/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The identity page: what production wrote, and the keys that came after its key (SPEC section 2 and "Key rotation").
 *
 * 1. Key 0 is production's. Key n, from 1 on, is in key place n: a guard of four bytes 0, then the key. The page is never erased.
 * 2. One key is trusted. A key whose bytes are all equal was never written, or wiped: nothing is signed with it.
 * 3. A key is written behind the last place that is not blank, in one go, and read back. It may read blank though a cut left cells
 *    of its guard half way: whatever is written over them, the guard drives them all to 0.
 *
 *        cut in      the place reads        the next boot
 *        the guard   blank, or not [1]      writes into it, or into the next one
 *        the key     not blank              writes into the next one
 *        nothing     not blank, whole       the same, unless the log says that an update with this key was started
 *
 *        [1] may read this way in one boot and that way in the next
 *
 * 4. Nothing in a place tells a whole key from a torn one. The log does: an update with a new key is `started` only in the boot
 *    that wrote its key, and the key is that of the last place that is not blank (rebuild.h).
 */
#ifndef BOOT_IDENTITY_H
#define BOOT_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "result.h"
#include "signature.h"

enum { IDENTITY_KEY_PLACES = 15 };

/* Trust a key by its number, at most IDENTITY_KEY_PLACES, from now on in this boot. Until this is called, 0. */
void identity_trust(uint32_t number);

/* Trust the key of the page that equals this one; none of them, if none does. For an application, whose own signer was the trusted key. */
void identity_trust_signer(const uint8_t key[SIGNATURE_KEY_BYTES]);

/* Whether `key` is the trusted one. */
bool identity_trusts(const uint8_t key[SIGNATURE_KEY_BYTES]);

/* RESULT_OK if `key` can take the place of the trusted one; RESULT_NEW_KEY if its bytes are all equal, or it is the trusted one. */
enum result identity_check_new_key(const uint8_t key[SIGNATURE_KEY_BYTES]);

/* The number of the key that was written last, whole or not; 0 where every place is blank. */
uint32_t identity_last_key(void);

/* Write a key into the next place. Nothing trusts it yet. RESULT_ERROR_RANGE: there is none. */
enum result identity_add_key(const uint8_t key[SIGNATURE_KEY_BYTES]);

/* The board's hardware revision. */
uint32_t identity_hardware_revision(void);

#endif
