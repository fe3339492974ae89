/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Flash program and erase controller (PM0075).
 *
 *  1. CR is locked after reset; KEY1 then KEY2 in KEYR unlocks it; any other value locks it until reset and faults the bus.
 *  2. A half-word store with PG set programs an erased half-word, or any half-word to 0x0000; else PGERR, cells unchanged.
 *  3. PER, then AR, then STRT erases a page; MER, then STRT the whole array.
 *  4. A write-protected page refuses both with WRPRTERR.
 *  5. BSY lasts for the operation; the core stalls when it fetches from flash meanwhile. Cells change when it starts.
 *  6. Without the internal oscillator (HSI) nothing is programmed or erased, and no flag tells (PM0075 2.3; the rest is our reading).
 *
 * The registers are plain memory that Unicorn may read but not write: every write comes here with an exact program counter.
 */
#ifndef FPEC_H
#define FPEC_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

#define FPEC_BLOCK_BYTES 1024u

enum fpec_lock {
    FPEC_LOCKED,
    FPEC_HALF_UNLOCKED,
    FPEC_UNLOCKED,
    FPEC_DEAD, /* a wrong key: until the next reset */
};

struct fpec {
    uint32_t *registers; /* what the firmware reads */
    enum fpec_lock lock;
    enum fpec_lock option_lock;
    bool busy;
    bool late; /* SR does not show BSY before the next block of code */
    uint64_t busy_until_fs;
};

/* A store to flash, option bytes or a controller register, as Unicorn saw it. */
struct flash_store {
    uint32_t address;
    uint32_t size_bytes;
    uint32_t value;
    uint32_t pc;
    uint64_t instructions;
};

/* Registers after a reset; the option bytes must have been loaded. */
void fpec_reset(struct machine *m);

/* A write to a controller register. */
void fpec_write(struct machine *m, const struct flash_store *store);

/* A store to the flash array. */
void fpec_store_flash(struct machine *m, const struct flash_store *store);

/* A store to the option bytes. */
void fpec_store_option(struct machine *m, const struct flash_store *store);

/* Let time pass for the controller at a block boundary: `pc` in flash stalls, the end of the operation clears BSY. */
void fpec_advance(struct machine *m, uint32_t pc);

/* The operation under way, if any, is over: time passes up to its end. */
void fpec_complete(struct machine *m, uint64_t instructions);

#endif
