/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * hal.h on RAM, with the rules of a chip's flash and a power switch.
 *
 * 1. PROGRAM_BYTES are programmed at a time. With WRITES_PER_UNIT 0 (STM32F103), a program of a unit that is neither erased
 *    nor asked to become zero fails and is counted as misuse. Otherwise (nRF52840) programming clears bits, and one write
 *    more than WRITES_PER_UNIT between two erases is a misuse; a write that was cut counts too.
 * 2. Every unit programmed and every page erased is one operation, counted from 0 at each power-up.
 * 3. At the operation `cut_at`, the cells are left as the tear says, and control returns to fake_boot.
 *    A metastable tear leaves some of them unsure: they read anew at each power-up, until they are erased or driven to 0.
 * 4. Flash survives a cut; nothing else in here does.
 */
#ifndef TESTS_FLASH_FAKE_H
#define TESTS_FLASH_FAKE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    FAKE_ADDRESS = REGION_BOOTLOADER_ADDRESS,
    FAKE_BYTES = REGION_METADATA_ADDRESS + REGION_METADATA_BYTES - REGION_BOOTLOADER_ADDRESS,
    FAKE_PAGES = FAKE_BYTES / PAGE_BYTES,
    FAKE_NEVER = 0x7FFFFFFF
};

enum fake_tear { FAKE_NONE, FAKE_SOME, FAKE_MOST, FAKE_HALF_PAGE, FAKE_ALL, FAKE_TEARS, FAKE_METASTABLE = FAKE_TEARS };

enum fake_end {
    FAKE_RETURNED, /* the function returned */
    FAKE_CUT,
    FAKE_STARTED,   /* a program was started, at `vector_table_address` */
    FAKE_RECOVERING, /* waits for a byte that never comes */
    FAKE_RESET       /* the chip was reset */
};

struct fake {
    uint8_t *flash;
    uint32_t operations;
    uint32_t cut_at; /* FAKE_NEVER: no cut */
    enum fake_tear tear;
    uint64_t seed;
    uint32_t fail_at; /* this operation leaves one bit as it was and reports it; FAKE_NEVER: none */
    uint32_t misuses;
    uint32_t erases[FAKE_PAGES];
    uint8_t writes[FAKE_BYTES / PROGRAM_BYTES]; /* of each unit since its page was erased; survives a cut */
    uint8_t unsure[FAKE_BYTES]; /* bits that read anew at each power-up */
    uint64_t power_seed;        /* what they read */
    bool slot_is_writable;      /* an application writes it, a bootloader never; a boot leaves this as it is */
    bool key_places_are_writable; /* the same of the places for keys in the identity page */
    uint32_t bytes_to_receive; /* bytes that a peer sends before it falls silent */
    uint32_t vector_table_address;
    char uart[256];
    uint32_t uart_bytes;
    uint32_t last_address; /* of the last operation */
    bool last_was_erase;
};

extern struct fake fake;

/* Power up: run the function until it returns or something ends it. Counts start at 0; cut_at and fail_at are used up. */
enum fake_end fake_boot(void (*function)(void));

/* A number below `limit` from a seed that it moves on. */
uint32_t fake_random(uint64_t *seed, uint32_t limit);

#endif
