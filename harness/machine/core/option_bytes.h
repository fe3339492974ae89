/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Option bytes (PM0075 2.5): eight bytes with their complements, loaded into OBR and WRPR at reset. */
#ifndef OPTION_BYTES_H
#define OPTION_BYTES_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

#define OPTION_BYTES 16u

struct option_bytes {
    uint8_t *cells; /* what the firmware reads, inside the system memory block */
    uint32_t obr;
    uint32_t wrpr;
};

/* Take `cells` as the stored option bytes and load the registers from them, as a reset does. */
void option_bytes_load(struct machine *m, const uint8_t *cells);

/* Whether read protection was active at the last reset. */
bool option_bytes_read_protected(const struct machine *m);

/* Whether the independent watchdog starts by itself after a reset. */
bool option_bytes_hardware_watchdog(const struct machine *m);

/* Whether programming `value` at `offset` would lift an active read protection, which erases the whole array first. */
bool option_bytes_removes_protection(const struct machine *m, uint32_t offset, uint16_t value);

/* Stored half-word at `offset`. */
uint16_t option_bytes_read(const struct machine *m, uint32_t offset);

/* Set the stored half-word at `offset`; the registers follow at the next reset. */
void option_bytes_write(struct machine *m, uint32_t offset, uint16_t value);

/* Set all stored bytes to the erased state, which leaves read protection on. */
void option_bytes_erase(struct machine *m);

#endif
