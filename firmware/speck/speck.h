/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The application's side of an update: bring it into the slot, check it, ask the bootloader for it (SPEC, "Download").
 *
 * 1. Nothing but the slot is erased or programmed, and the metadata by speck_mark_update_pending alone.
 * 2. A pending update belongs to the bootloader: until it is closed the slot is not written.
 * 3. Chunks come in order, of any size; offset 0 begins anew. A page of the slot is erased, always, right before its first byte.
 *
 *        chunks so far     0 1 2 3 4 5 6 | 7 8 ...        (a program unit has 4 bytes)
 *        in flash          0 1 2 3
 *        in RAM                    4 5 6                  until the unit is full, or the slot is validated
 *
 * 4. speck_validate_slot asks whatever the bootloader will ask. speck_mark_update_pending marks nothing but what it found good,
 *    and a chunk that comes in between takes that back.
 * 5. Power may be lost at any moment: before the mark counts the old application starts, and the download begins again; from
 *    then on the bootloader installs. It trusts nothing that was checked here.
 */
#ifndef SPECK_SPECK_H
#define SPECK_SPECK_H

#include <stdbool.h>
#include <stdint.h>

#include "result.h"

enum { SPECK_SLOTS = 1 };

/* What the header of an image says, unverified. */
struct speck_header {
    uint32_t size_bytes; /* with the header */
    uint32_t flags;
    uint64_t version;
    uint32_t hardware_revision;
};

/* Whether the bootloader has an update to install, or to refuse, at the next reset. */
bool speck_has_update_pending(void);

/*
 * Write the next chunk of a download. `slot` is below SPECK_SLOTS.
 *
 * RESULT_ERROR_RANGE: no such slot, not the next offset, or more than the slot holds; RESULT_ERROR_LOCKED: an update is pending;
 * another negative result is a failure of the flash. After any of them the download begins anew, at offset 0.
 */
enum result speck_write_slot_chunk(uint32_t slot, uint32_t offset, const uint8_t *chunk, uint32_t size_bytes);

/* Read the header in the slot. RESULT_MAGIC: there is none. */
enum result speck_read_slot_header(uint32_t slot, struct speck_header *header);

/* Verify what was downloaded. A positive result is the reason for which the bootloader would refuse it. */
enum result speck_validate_slot(uint32_t slot);

/* Ask the bootloader to install the slot. RESULT_ERROR_LOCKED: it was not validated, or was written since. */
enum result speck_mark_update_pending(uint32_t slot);

/* Verify the application that runs, as the bootloader did before it started it. */
enum result speck_verify_current_app(void);

/* Let the bootloader install what is pending: reset. */
_Noreturn void speck_apply_update(void);

#endif
