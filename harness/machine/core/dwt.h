/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Data watchpoint and trace unit: its cycle counter only (ARMv7-M C1.8). */
#ifndef DWT_H
#define DWT_H

#include <stdint.h>

struct machine;

#define DWT_ADDRESS 0xE0001000u

struct dwt {
    uint32_t control;
    uint32_t frozen;       /* CYCCNT while it does not count */
    uint64_t start_cycles; /* core cycle at which CYCCNT would have been 0 */
};

/* Registers after a reset. */
void dwt_reset(struct machine *m);

/* Read the register at `offset`; false if it is not modelled. */
_Bool dwt_read(const struct machine *m, uint32_t offset, uint32_t *value);

/* Write the register at `offset`; false if it is not modelled. */
_Bool dwt_write(struct machine *m, uint32_t offset, uint32_t value);

/* Whether CYCCNT counts, or would with TRCENA. */
_Bool dwt_enabled(const struct machine *m);

/* DEMCR.TRCENA changed from `was` to its current value: CYCCNT counts only while it is set. */
void dwt_trace_enable(struct machine *m, _Bool was);

#endif
