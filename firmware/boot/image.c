/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "image.h"

#include <stddef.h>
#include <string.h>

#include "bytes.h"
#include "crc32.h"
#include "flash.h"
#include "identity.h"
#include "signature.h"

/* Offsets in the header. */
enum {
    AT_MAGIC = 0,
    AT_FORMAT = 4,
    AT_TOTAL_SIZE = 6,
    AT_CODE_SIZE = 10,
    AT_ENTRY = 14,
    AT_FLAGS = 18,
    AT_VERSION = 22,
    AT_HARDWARE = 30,
    AT_CRC = 34,
    AT_RESERVED = 38,
    AT_KEY = IMAGE_AT_KEY,
    AT_SIGNATURE = 80
};

enum {
    FORMAT_VERSION = 2,
    FLAGS_SIGNED = 1,
    FLAGS_PATCH = 1 | 4,
    FLAG_ROTATES_KEY = 8,
    FLAGS_MODULE = 1 | 16,
    RESERVED_BYTES = 10,
    VECTORS_READ_BYTES = 8
};

static const uint8_t MAGIC[4] = {'S', 'P', 'K', 2};

_Static_assert(AT_RESERVED + RESERVED_BYTES == AT_KEY, "the reserved bytes end at the key");
_Static_assert((int)AT_KEY + (int)SIGNATURE_KEY_BYTES == (int)AT_SIGNATURE, "the key ends at the signature");
_Static_assert((int)SIGNATURE_HEADER_BYTES == (int)AT_SIGNATURE, "the signature covers all that precedes it");
_Static_assert((int)AT_SIGNATURE + (int)SIGNATURE_BYTES == (int)IMAGE_HEADER_BYTES, "the signature ends the header");

static enum result check_form(const uint8_t *header, uint32_t flags)
{
    const uint32_t optional = flags == FLAGS_PATCH ? FLAG_ROTATES_KEY : 0;

    if (memcmp(header + AT_MAGIC, MAGIC, sizeof MAGIC) != 0) {
        return RESULT_MAGIC;
    }
    if (load_u16(header + AT_FORMAT) != FORMAT_VERSION) {
        return RESULT_FORMAT;
    }
    return (load_u32(header + AT_FLAGS) & ~optional) == flags ? RESULT_OK : RESULT_FLAGS;
}

static enum result check_size(const uint8_t *header, const struct region *region)
{
    const uint32_t code_bytes = load_u32(header + AT_CODE_SIZE);

    if (code_bytes == 0 || code_bytes > region->size_bytes - IMAGE_HEADER_BYTES ||
        code_bytes > LAYOUT_APPLICATION.size_bytes - IMAGE_HEADER_BYTES) {
        return RESULT_SIZE;
    }
    return load_u32(header + AT_TOTAL_SIZE) == IMAGE_HEADER_BYTES + code_bytes ? RESULT_OK : RESULT_SIZE;
}

/* The image runs in the application region, wherever it lies now: addresses are judged as they will be there. */
static enum result check_entry(const uint8_t *header, const uint8_t *code)
{
    const uint32_t code_address = LAYOUT_APPLICATION.address + IMAGE_HEADER_BYTES;
    const uint32_t code_bytes = load_u32(header + AT_CODE_SIZE);
    const uint32_t entry = load_u32(header + AT_ENTRY);

    if (code_bytes < VECTORS_READ_BYTES || entry > code_bytes - VECTORS_READ_BYTES ||
        (code_address + entry) % LAYOUT_VECTOR_ALIGN_BYTES != 0) {
        return RESULT_ENTRY;
    }
    const uint32_t stack = load_u32(code + entry);
    const uint32_t reset = load_u32(code + entry + 4);
    const bool stack_in_ram = stack > RAM_ADDRESS && stack - RAM_ADDRESS <= RAM_BYTES && stack % 8 == 0;
    const bool reset_in_code = reset % 2 == 1 && reset >= code_address && reset - code_address < code_bytes;
    return stack_in_ram && reset_in_code ? RESULT_OK : RESULT_ENTRY;
}

static enum result check_target(const uint8_t *header, enum image_age age, uint64_t counter)
{
    const uint32_t hardware = load_u32(header + AT_HARDWARE);
    const uint64_t version = load_u64(header + AT_VERSION);

    for (uint32_t i = 0; i < RESERVED_BYTES; i++) {
        if (header[AT_RESERVED + i] != 0) {
            return RESULT_RESERVED;
        }
    }
    if (hardware != 0 && hardware != identity_hardware_revision()) {
        return RESULT_HARDWARE;
    }
    if (version < counter || (age == IMAGE_NEWER && version == counter)) {
        return RESULT_VERSION;
    }
    return RESULT_OK;
}

static enum result check_authentic(const uint8_t *header, const uint8_t *code)
{
    const uint32_t code_bytes = load_u32(header + AT_CODE_SIZE);

    if (crc32_of(code, code_bytes) != load_u32(header + AT_CRC)) {
        return RESULT_CRC;
    }
    if (!identity_trusts(header + AT_KEY)) {
        return RESULT_KEY;
    }
    return signature_check(header + AT_SIGNATURE, header + AT_KEY, header, code, code_bytes);
}

/* What stands between the size and the target: a patch is not run and has no entry, a module's is an instruction in its code. */
static enum result check_start(const uint8_t *header, const uint8_t *code, uint32_t flags)
{
    const uint32_t entry = load_u32(header + AT_ENTRY);

    if (flags == FLAGS_SIGNED) {
        return check_entry(header, code);
    }
    if (flags == FLAGS_MODULE) {
        return entry % 2 == 0 && entry < load_u32(header + AT_CODE_SIZE) ? RESULT_OK : RESULT_ENTRY;
    }
    return entry == 0 ? RESULT_OK : RESULT_ENTRY;
}

static enum result verify(struct image *image, const struct region *region, uint32_t flags, enum image_age age, uint64_t counter)
{
    const uint8_t *header = flash_view(region, 0, IMAGE_HEADER_BYTES);
    const uint8_t *code;
    enum result result;

    if (header == NULL) {
        return RESULT_SIZE;
    }
    result = check_form(header, flags);
    if (result == RESULT_OK) {
        result = check_size(header, region);
    }
    if (result != RESULT_OK) {
        return result;
    }
    code = flash_view(region, IMAGE_HEADER_BYTES, load_u32(header + AT_CODE_SIZE));
    if (code == NULL) {
        return RESULT_SIZE;
    }
    result = check_start(header, code, flags);
    if (result == RESULT_OK) {
        result = check_target(header, age, counter);
    }
    if (result == RESULT_OK) {
        result = check_authentic(header, code);
    }
    if (result == RESULT_OK) {
        image->size_bytes = load_u32(header + AT_TOTAL_SIZE);
        image->version = load_u64(header + AT_VERSION);
        image->fingerprint = load_u64(header + AT_SIGNATURE);
        image->entry = load_u32(header + AT_ENTRY);
        image->vector_table_address = LAYOUT_APPLICATION.address + IMAGE_HEADER_BYTES + image->entry;
        image->payload_bytes = image->size_bytes - IMAGE_HEADER_BYTES;
        image->new_key = NULL;
    }
    return result;
}

enum result image_verify(struct image *image, const struct region *region, enum image_age age, uint64_t counter)
{
    return verify(image, region, FLAGS_SIGNED, age, counter);
}

enum result image_verify_patch(struct image *patch, const struct region *region, uint64_t counter)
{
    const enum result result = verify(patch, region, FLAGS_PATCH, IMAGE_NEWER, counter);

    if (result != RESULT_OK || (load_u32(flash_view(region, AT_FLAGS, 4)) & FLAG_ROTATES_KEY) == 0) {
        return result;
    }
    if (patch->payload_bytes < SIGNATURE_KEY_BYTES) {
        return RESULT_NEW_KEY;
    }
    patch->payload_bytes -= SIGNATURE_KEY_BYTES;
    patch->new_key = flash_view(region, IMAGE_HEADER_BYTES + patch->payload_bytes, SIGNATURE_KEY_BYTES);
    return identity_check_new_key(patch->new_key);
}

enum result image_verify_module(struct image *module, const struct region *region, enum image_age age, uint64_t counter)
{
    return verify(module, region, FLAGS_MODULE, age, counter);
}

bool image_claims(const struct region *region, uint64_t version, uint32_t size_bytes)
{
    const uint8_t *header = flash_view(region, 0, IMAGE_HEADER_BYTES);

    return header != NULL && load_u64(header + AT_VERSION) == version && load_u32(header + AT_TOTAL_SIZE) == size_bytes;
}
