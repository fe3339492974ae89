/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Interrupt controller (ARMv7-M B3.4). An interrupt becomes pending when its line rises, by software, or when its handler
 * returns while the line is still up. Which pending exception is taken, and when, `exception.c` decides.
 */
#ifndef NVIC_H
#define NVIC_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

#define NVIC_INTERRUPTS_MAX 64u
#define NVIC_WORDS 2u

struct nvic {
    uint32_t enabled[NVIC_WORDS];
    uint32_t pending[NVIC_WORDS];
    uint32_t active[NVIC_WORDS];
    uint32_t lines[NVIC_WORDS];
    uint8_t priority[NVIC_INTERRUPTS_MAX];
};

/* Nothing enabled, pending or active. */
void nvic_reset(struct machine *m);

/* Read or write a register at `offset` from 0xE000E100; false if it is not modelled. `mask`: the bits that are written. */
bool nvic_read(const struct machine *m, uint32_t offset, uint32_t *value);
bool nvic_write(struct machine *m, uint32_t offset, uint32_t value, uint32_t mask);

/* Write STIR: set an interrupt pending. */
void nvic_trigger(struct machine *m, uint32_t interrupt);

/* A peripheral raises or drops its line. */
void nvic_set_line(struct machine *m, uint32_t interrupt, bool up);

/* The handler of `interrupt` is entered, or has returned. */
void nvic_enter(struct machine *m, uint32_t interrupt);
void nvic_leave(struct machine *m, uint32_t interrupt);

/* Whether an enabled interrupt is pending. */
bool nvic_any(const struct machine *m);

/* Whether the line of `interrupt` is up. */
bool nvic_line(const struct machine *m, uint32_t interrupt);

/* Whether `interrupt` is enabled. */
bool nvic_is_enabled(const struct machine *m, uint32_t interrupt);

/* Whether `interrupt` is enabled and pending. */
bool nvic_due(const struct machine *m, uint32_t interrupt);

#endif
