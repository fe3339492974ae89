/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Exceptions that the core takes by hand, because Unicorn has no NVIC (ARMv7-M B1.5): SVCall, PendSV, SysTick, interrupts,
 * and the faults that `fault.c` raises. An asynchronous one is taken between two translated blocks.
 */
#ifndef EXCEPTION_H
#define EXCEPTION_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

#define EXCEPTION_NMI 2u
#define EXCEPTION_HARD_FAULT 3u
#define EXCEPTION_SVCALL 11u
#define EXCEPTION_PENDSV 14u
#define EXCEPTION_SYSTICK 15u
#define EXCEPTION_INTERRUPT 16u /* interrupt n is exception 16 + n */
#define EXCEPTION_DEPTH_MAX 32u
#define EXCEPTION_RETURN_MIN 0xFFFFFFE0u

struct exception {
    uint32_t pending; /* bit n: system exception n; interrupts are in the NVIC */
    uint32_t active[EXCEPTION_DEPTH_MAX];
    uint32_t depth;
    uint32_t next;    /* exception that the stopped core is about to take, 0 for none */
    uint32_t returns; /* EXC_RETURN value that the stopped core has jumped to, 0 for none */
    bool event;       /* what WFE consumes */
};

/* Nothing pending or active. */
void exception_reset(struct machine *m);

/* Set or clear the pending state of NMI, PendSV or SysTick. */
void exception_pend(struct machine *m, uint32_t number);
void exception_unpend(struct machine *m, uint32_t number);

/* What is pending in the NVIC has changed. */
void exception_changed(struct machine *m);

/* Whether anything that is enabled is pending. */
bool exception_any(const struct machine *m);

/* Whether the core would take any interrupt that is enabled, or SysTick or PendSV, with its masks and priority as they are. */
bool exception_heard(const struct machine *m);

/* Priority that the core executes at: 256 for thread mode, -1 with FAULTMASK or in HardFault. */
int32_t exception_current_priority(const struct machine *m);

/* Priority of an exception, the bits that decide on preemption only. */
int32_t exception_priority(const struct machine *m, uint32_t number);

/* Whether an exception of that number is being handled. */
bool exception_is_active(const struct machine *m, uint32_t number);

/* At a block boundary: stop the core if an exception must be taken before `pc`. Returns whether it stopped. */
bool exception_check(struct machine *m, uint32_t pc);

/* The core executed SVC; `pc` follows it. */
void exception_call(struct machine *m, uint32_t pc, uint64_t instructions);

/* The core is stopped at `pc`: take or return from what is due. Returns where it goes on. */
uint32_t exception_switch(struct machine *m, uint32_t pc);

#endif
