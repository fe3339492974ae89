/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A signed .spk image in flash (SPEC section 1).
 *
 * 1. A number from the header is used only after it was checked against the region.
 * 2. The checks come in the order of enum result; the first that fails is the answer.
 * 3. Nothing of an image is copied or entered unless every check passed, the signature last.
 * 4. A patch differs in its flags and has no entry, a module in its flags and in what its entry is; none is taken for another.
 * 5. The signature covers every header byte before it and the whole code.
 */
#ifndef BOOT_IMAGE_H
#define BOOT_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "layout.h"
#include "result.h"

enum { IMAGE_HEADER_BYTES = 144, IMAGE_AT_KEY = 48 };

/* Which versions are good enough. */
enum image_age {
    IMAGE_NEWER,    /* above the counter: for installing */
    IMAGE_NOT_OLDER /* at the counter or above: for starting */
};

/* What a verified image says about itself. */
struct image {
    uint32_t size_bytes; /* header and code */
    uint64_t version;
    uint64_t fingerprint; /* the first bytes of its signature: no two signed images share them */
    uint32_t entry;       /* its entry offset */
    uint32_t vector_table_address; /* where it is once the image lies in the application region */
    uint32_t payload_bytes;        /* its code; of a patch, without the new key */
    const uint8_t *new_key;        /* of a patch, the key that it rotates to, behind the payload; NULL: none */
};

/* Verify the image at the start of a region. `image` is valid only with RESULT_OK. */
enum result image_verify(struct image *image, const struct region *region, enum image_age age, uint64_t counter);

/* Verify the patch at the start of a region as an image: flags of a patch, no entry, above the counter; and that the key which it
 * rotates to, if any, is one. Its payload is not read. */
enum result image_verify_patch(struct image *patch, const struct region *region, uint64_t counter);

/* Verify the module at the start of a region as an image: flags of a module, its entry in the code. Its code is not read. */
enum result image_verify_module(struct image *module, const struct region *region, enum image_age age, uint64_t counter);

/* Whether the header at the start of a region names this version and size. Nothing else of it is looked at. */
bool image_claims(const struct region *region, uint64_t version, uint32_t size_bytes);

#endif
