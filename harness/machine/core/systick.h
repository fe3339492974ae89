/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SysTick timer (ARMv7-M B3.3), counting virtual core cycles. */
#ifndef SYSTICK_H
#define SYSTICK_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

struct systick {
    uint32_t control; /* ENABLE, TICKINT, CLKSOURCE */
    uint32_t reload;
    uint32_t frozen;       /* current value while it does not count */
    uint64_t zero_cycle;   /* core cycle at which it next reaches 0 */
    bool counted;          /* COUNTFLAG */
};

/* Registers after a reset. */
void systick_reset(struct machine *m);

/* Read or write the register at `offset` from 0xE000E010. */
uint32_t systick_read(struct machine *m, uint32_t offset);
void systick_write(struct machine *m, uint32_t offset, uint32_t value);

/* Take in the zero crossings up to now; pends the exception where TICKINT is set. */
void systick_advance(struct machine *m, uint64_t instructions);

/* Whether it counts, or would with another reload value. */
bool systick_enabled(const struct machine *m);

/* Whether it will pend its exception; `cycle` receives when. */
bool systick_next_interrupt(const struct machine *m, uint64_t *cycle);

#endif
