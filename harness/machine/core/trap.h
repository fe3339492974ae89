/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What Unicorn can't do by itself: stores to read-only memory, faults, undefined instructions, exceptions. */
#ifndef TRAP_H
#define TRAP_H

#include <stdint.h>

struct machine;

/* Install the hooks. */
int32_t trap_install(struct machine *m);

/* Unicorn returned without an error and without an end: the core executed WFI before `pc`. */
void trap_halted(struct machine *m, uint32_t pc);

#endif
