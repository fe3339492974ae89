/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Which register an access reaches. What a chip does not model is plain storage, counted by address, so that nobody takes it
 * for a model.
 */
#ifndef BUS_H
#define BUS_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

#define BUS_PERIPHERAL_ADDRESS 0x40000000u
#define BUS_SECOND_ADDRESS 0x50000000u /* AHB peripherals of the nRF52: the pins */
#define BUS_SECOND_BYTES 0x1000u
#define BUS_CORE_ADDRESS 0xE0000000u
#define BUS_CORE_BYTES 0x100000u
#define BUS_UNMODELLED_MAX 64u

/* Accesses to a register that no model answers. Mirrors `_UNMODELLED` in embedded.py. */
struct unmodelled {
    uint32_t address;
    uint32_t count;
};

/* One Unicorn mapping of registers: the blocks of the flash controller and of the SCB between them are mapped as memory. */
struct bus_window {
    struct machine *machine;
    uint32_t address;
};

#define BUS_WINDOWS 8u

struct bus {
    struct bus_window windows[BUS_WINDOWS];
    uint32_t *storage; /* one word a peripheral register */
    bool storage_used;
    struct unmodelled unmodelled[BUS_UNMODELLED_MAX];
    uint32_t unmodelled_count;
};

/* Map the peripherals and the core's registers. */
int32_t bus_install(struct machine *m);

/* All plain storage to zero. */
void bus_reset(struct machine *m);

/* The storage word of the peripheral register at `address`. */
uint32_t *bus_word(struct machine *m, uint32_t address);

/* Note an access to a register that no model answers. */
void bus_count_unmodelled(struct machine *m, uint32_t address);

/* A word read or written by something that is not a plain access: the bit-band alias, PPI. */
uint32_t bus_read(struct machine *m, uint32_t address);
void bus_write(struct machine *m, uint32_t address, uint32_t value);

#endif
