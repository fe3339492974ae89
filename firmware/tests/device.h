/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A device as production and the download leave it: identity, images, counter and journal, written past all checks. */
#ifndef TESTS_DEVICE_H
#define TESTS_DEVICE_H

#include <stdint.h>

#include "boots.h"
#include "new_device.h"
#include "result.h"

/* Images that the folder holds, signed by an independent implementation. */
enum device_image {
    IMAGE_V1,          /* version 1, two pages */
    IMAGE_V2,          /* version 2, three pages, an odd number of bytes */
    IMAGE_V2_FULL,     /* version 2, as large as the application region */
    IMAGE_V2_MINIMAL,  /* version 2, nothing behind its vector table but one instruction */
    IMAGE_V2_FOREIGN,  /* version 2, signed with a key that the device does not trust */
    IMAGE_V2_HARDWARE, /* version 2, for another hardware revision */
    IMAGE_V2_ANY,      /* version 2, for any hardware */
    IMAGE_V2_COMPRESSED, /* version 2, with the flag `compressed` set and signed */
    IMAGE_V2_LARGE,    /* version 2, one byte more than the application region holds */
    IMAGE_LAST,        /* version 2**64 - 1 */
    IMAGE_COUNT
};

/* What the records of the metadata pages come to on this flash. */
enum {
    DEVICE_COUNTER_PLACE_BYTES = 32,
    DEVICE_COUNTER_PLACES = PAGE_BYTES / DEVICE_COUNTER_PLACE_BYTES,
    DEVICE_COUNTER_OPERATIONS = DEVICE_COUNTER_PLACE_BYTES / PROGRAM_BYTES, /* of one place */
    DEVICE_JOURNAL_RECORDS = PAGE_BYTES / 8 - 1,
    DEVICE_JOURNAL_OPERATIONS = 8 / PROGRAM_BYTES /* of one record, or of the header */
};

/* A device with version 1 installed and confirmed by the counter. */
void make_installed_device(void);

/* The same, with an image staged and pending. */
void make_staged_device(enum device_image image);

/* Write a place of the counter, or a journal header or record, whole. */
void device_put_counter(uint32_t page, uint32_t place, uint64_t value);
void device_put_journal_header(uint32_t page, uint32_t sequence);
void device_put_journal_record(uint32_t page, uint32_t index, uint16_t kind, uint16_t value);

/* Make a record of `size_bytes` bytes torn: half programmed. */
void device_put_torn(uint32_t metadata_offset, uint32_t size_bytes);

/* Correct the CRC of the image at the start of a region. */
void device_fix_crc(const struct region *region);

#endif
