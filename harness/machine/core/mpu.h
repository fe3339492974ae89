/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Memory protection unit (ARMv7-M B3.5), for the flash and RAM; registers of peripherals are not protected.
 *
 *  1. While it is off it costs nothing. While it is on, pages of 4 KiB in which some byte refuses an access lose Unicorn's
 *     permission for that kind of access, and the trap looks at the byte.
 *  2. A change takes effect at the next block: firmware has a barrier there.
 *  3. Stores are judged by the byte, each of them. A load is, too, unless one that was allowed hit the same page since the last
 *     exception; a fetch where the whole page refuses it.
 *  4. Unprivileged rights count from the moment that the machine has met code that writes CONTROL.
 */
#ifndef MPU_H
#define MPU_H

#include <stdbool.h>
#include <stdint.h>

struct machine;
struct flash_store;

#define MPU_REGIONS_MAX 8u
#define MPU_PAGE_BYTES 4096u

enum mpu_right {
    MPU_READ = 1,
    MPU_WRITE = 2,
    MPU_EXECUTE = 4,
    MPU_ALL = 7,
};

struct mpu {
    uint32_t control;
    uint32_t region;
    uint32_t base[MPU_REGIONS_MAX];
    uint32_t attributes[MPU_REGIONS_MAX];
    bool changed;             /* the registers, since Unicorn's permissions were made from them */
    bool drops_privilege;     /* code that writes CONTROL was seen */
    bool restricts;           /* some page lacks a permission */
    uint8_t *denied;          /* rights that a page of RAM, then of the flash lacks */
};

/* Registers after a reset. */
void mpu_reset(struct machine *m);

/* A write to the register at `address`; false if it is none of the MPU's. */
bool mpu_write(struct machine *m, uint32_t address, uint32_t value);

/* Code that writes CONTROL was met. */
void mpu_see_control(struct machine *m);

/* The core is stopped: make Unicorn's permissions from the registers. False where Unicorn failed. */
bool mpu_apply(struct machine *m);

/* RAM was given its permissions anew. */
void mpu_forget_ram(struct machine *m);

/* Whether the core, as it runs now, has `right` to the byte at `address`. */
bool mpu_allows(const struct machine *m, uint32_t address, enum mpu_right right);

/* A store to RAM that an MPU made read-only in part: performs it, or raises the fault. False where it is none. */
bool mpu_store(struct machine *m, const struct flash_store *store);

#endif
