/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Steps that run from RAM, where the core does not stall while the flash is busy. Start-up copies them with .data. */
#ifndef CONFORMANCE_IN_RAM_H
#define CONFORMANCE_IN_RAM_H

#include <stdint.h>

/* Start the erase of a page; SR as the read right behind the store of STRT saw it, and as the next one saw it. */
struct early_reads {
    uint32_t first;
    uint32_t second;
};
extern void (*volatile ram_erase)(uint32_t page_address, struct early_reads *reads);

/* Program a half-word; while that lasts clear CR, and return what CR holds then. */
extern uint32_t (*volatile ram_clear_control)(volatile uint16_t *cell);

/* Program two half-words one behind the other, without waiting for the first. */
extern void (*volatile ram_program_two)(volatile uint16_t *cell);

/* Lift the read protection, which erases the flash with this program: sends the line of the rule and sleeps. */
extern void (*volatile ram_unprotect)(void);

#endif
