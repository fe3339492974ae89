/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The content of a module, and its way into RAM (SPEC, "Module").
 *
 * 1. The payload is that of an image whose signature was verified. It is judged all the same: a mistake of the key's owner must
 *    not write outside of the memory that he was given either.
 * 2. module_read judges every field, every relocation and every word that one names, and writes nothing.
 * 3. module_place writes to `memory` alone, from its first byte to the last that the module has, and only what was judged:
 *
 *        payload    | fields | relocations  |      blob        |
 *        memory                             |      blob        |      zeros       | not touched
 *                                              ^ words that a relocation names: + the memory's address
 *
 * 4. It calls nothing. The entry is an offset until the caller makes a function of it.
 */
#ifndef MODULE_MODULE_H
#define MODULE_MODULE_H

#include <stdint.h>

#include "result.h"

enum { MODULE_FIELDS_BYTES = 24, MODULE_ALIGN_BYTES = 8 };

/* A module that was judged; it points into the payload that it was read from. */
struct module {
    const uint8_t *relocations;
    uint32_t relocation_count;
    const uint8_t *blob;
    uint32_t blob_bytes;
    uint32_t zero_bytes;
    uint32_t entry; /* offset of the first instruction in the blob, without the Thumb bit */
};

/* What the application has for modules. */
struct module_limits {
    uint32_t memory_bytes;
    uint64_t host_version;
};

/* Read the module in a payload; `entry` is the entry offset of its header. RESULT_MODULE: it is malformed, or does not fit. */
enum result module_read(struct module *module, const uint8_t *payload, uint32_t payload_bytes, uint32_t entry, struct module_limits limits);

/* Copy a module to where it will run: `memory` has as many bytes as it was read for, and is at `address`, a multiple of
 * MODULE_ALIGN_BYTES, for whoever runs it. */
void module_place(const struct module *module, uint8_t *memory, uint32_t address);

#endif
