/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Fault exceptions (ARMv7-M B1.5.14).
 *
 *  1. A fault whose handler is in the vector table and does more than branch to itself is taken: MemManage, BusFault or
 *     UsageFault where SHCSR enables it and the priority allows, else HardFault; CFSR, HFSR and BFAR tell the cause.
 *  2. Without such a handler the boot ends there, as a HARD_FAULT with the cause.
 *  3. A handler that spins or sleeps for good ends the boot as a HARD_FAULT with the original cause and program counter.
 *  4. A fault at a priority that HardFault cannot preempt is a LOCKUP.
 */
#ifndef FAULT_H
#define FAULT_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

enum fault_cause {
    FAULT_FETCH,       /* IBUSERR */
    FAULT_DATA,        /* PRECISERR, with the address in BFAR */
    FAULT_UNDEFINED,   /* UNDEFINSTR */
    FAULT_STATE,       /* INVSTATE */
    FAULT_MPU_FETCH,   /* IACCVIOL */
    FAULT_MPU_DATA,    /* DACCVIOL, with the address in MMFAR */
    FAULT_BREAKPOINT,  /* DEBUGEVT: always a HardFault */
};

struct fault {
    bool entering;  /* the stopped core is about to take one */
    bool taken;     /* `detail` and `pc` tell the first one that is not yet handled */
    uint32_t pc;
    uint32_t origin;
    char detail[96];
};

/* Nothing has failed yet. */
void fault_reset(struct machine *m);

/* The instruction at `pc` failed: take the exception or end the boot. The hook that calls must refuse the access. */
void fault_raise(struct machine *m, enum fault_cause cause, uint32_t address, uint32_t pc, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The core does nothing any more: if that is in a fault handler, end the boot with the fault. Returns whether it did. */
bool fault_end(struct machine *m, uint64_t instructions);

#endif
