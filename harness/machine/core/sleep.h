/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* WFI, WFE and the branch to itself: virtual time goes on to the next event, or the boot ends. */
#ifndef SLEEP_H
#define SLEEP_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

/* A branch to itself at `pc`: ends the boot unless something can interrupt it. */
void sleep_idle(struct machine *m, uint32_t pc);

/* WFI before `pc`: let time pass until something wakes the core, or end the boot. */
void sleep_for_interrupt(struct machine *m, uint32_t pc);

/* WFE before `pc`: goes on at once where the event register is set, and clears it. */
void sleep_for_event(struct machine *m, uint32_t pc);

#endif
