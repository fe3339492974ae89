/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "module.h"

#include <stdbool.h>
#include <string.h>

#include "bytes.h"
#include "host.h"

/* Offsets in the payload. */
enum { AT_ABI = 0, AT_RESERVED = 2, AT_BLOB_SIZE = 4, AT_ZERO_SIZE = 8, AT_RELOCATIONS = 12, AT_OLDEST_HOST = 16 };

enum { WORD_BYTES = 4 };

static uint32_t relocation_at(const struct module *module, uint32_t index)
{
    return load_u32(module->relocations + index * WORD_BYTES);
}

/* The sizes are those of the payload, and fit in the memory. No sum here wraps: each part is bounded before it is added. */
static bool sizes_agree(const struct module *module, uint32_t payload_bytes, uint32_t memory_bytes)
{
    const uint32_t behind_fields = payload_bytes - MODULE_FIELDS_BYTES;

    if (module->blob_bytes == 0 || module->blob_bytes % WORD_BYTES != 0 || module->zero_bytes % WORD_BYTES != 0) {
        return false;
    }
    if (module->blob_bytes > memory_bytes || module->zero_bytes > memory_bytes - module->blob_bytes) {
        return false;
    }
    return module->blob_bytes <= behind_fields && behind_fields - module->blob_bytes == (uint64_t)module->relocation_count * WORD_BYTES;
}

/* Each relocation names a word of the blob, behind the one before it, and that word points into the module or right behind it. */
static bool relocations_hold(const struct module *module)
{
    uint32_t least = 0;

    for (uint32_t i = 0; i < module->relocation_count; i++) {
        const uint32_t offset = relocation_at(module, i);

        if (offset % WORD_BYTES != 0 || offset < least || offset > module->blob_bytes - WORD_BYTES) {
            return false;
        }
        if (load_u32(module->blob + offset) > module->blob_bytes + module->zero_bytes) {
            return false;
        }
        least = offset + WORD_BYTES;
    }
    return true;
}

enum result module_read(struct module *module, const uint8_t *payload, uint32_t payload_bytes, uint32_t entry, struct module_limits limits)
{
    if (payload_bytes < MODULE_FIELDS_BYTES || load_u16(payload + AT_ABI) != MODULE_ABI || load_u16(payload + AT_RESERVED) != 0) {
        return RESULT_MODULE;
    }
    module->blob_bytes = load_u32(payload + AT_BLOB_SIZE);
    module->zero_bytes = load_u32(payload + AT_ZERO_SIZE);
    module->relocation_count = load_u32(payload + AT_RELOCATIONS);
    if (!sizes_agree(module, payload_bytes, limits.memory_bytes) || load_u64(payload + AT_OLDEST_HOST) > limits.host_version) {
        return RESULT_MODULE;
    }
    module->relocations = payload + MODULE_FIELDS_BYTES;
    module->blob = module->relocations + module->relocation_count * WORD_BYTES;
    module->entry = entry;
    return entry % 2 == 0 && entry < module->blob_bytes && relocations_hold(module) ? RESULT_OK : RESULT_MODULE;
}

void module_place(const struct module *module, uint8_t *memory, uint32_t address)
{
    memcpy(memory, module->blob, module->blob_bytes);
    memset(memory + module->blob_bytes, 0, module->zero_bytes);
    for (uint32_t i = 0; i < module->relocation_count; i++) {
        uint8_t *word = memory + relocation_at(module, i);

        store_u32(word, load_u32(word) + address);
    }
}
