/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * System control block and debug registers (ARMv7-M B3.2, C1.6). Like the flash controller's, the registers are memory
 * that Unicorn may only read, so that a reset request has an exact program counter.
 */
#ifndef SCB_H
#define SCB_H

#include <stdbool.h>
#include <stdint.h>

struct machine;
struct flash_store;

#define SCB_BLOCK_ADDRESS 0xE000EC00u
#define SCB_BLOCK_BYTES 1024u

struct scb {
    uint32_t *registers;
};

/* Registers after a reset. */
void scb_reset(struct machine *m);

/* A write to a register of the block. */
void scb_write(struct machine *m, const struct flash_store *store);

/* Address of the vector table. */
uint32_t scb_vector_table(const struct machine *m);

/* Priority of a system exception (11, 14 or 15), lower is more urgent. */
uint32_t scb_priority(const struct machine *m, uint32_t exception);

/* Bits of a priority that decide on preemption (AIRCR.PRIGROUP). */
uint32_t scb_group_mask(const struct machine *m);

/* Whether SHCSR enables MemManage (4), BusFault (5) or UsageFault (6). */
bool scb_fault_enabled(const struct machine *m, uint32_t exception);

/* Make CFSR and HFSR show a fault; `address` for BFAR or MMFAR where CFSR says that it is valid. `status` 0: a debug event. */
void scb_show_fault(struct machine *m, uint32_t status, uint32_t address, bool hard);

/* Whether CPACR lets the code use the FPU, and FPCCR.ASPEN wants its registers saved. */
bool scb_float_enabled(const struct machine *m);

/* SCR.SEVONPEND. */
bool scb_events_on_pending(const struct machine *m);

/* The word that the firmware reads at `address`. */
void scb_show(struct machine *m, uint32_t address, uint32_t value);

/* Make ICSR show the active exception and which system exceptions are pending, one bit each. */
void scb_show_exceptions(struct machine *m, uint32_t active, uint32_t pending);

/* Whether exception entry aligns the stack to 8 bytes (CCR.STKALIGN). */
bool scb_aligns_stack(const struct machine *m);

/* Whether a precise bus fault of a data access has no effect: CCR.BFHFNMIGN, at a priority of -1 (ARMv7-M B3.2.8). */
bool scb_ignores_bus_faults(const struct machine *m);

/* DEMCR.TRCENA. */
bool scb_trace_enabled(const struct machine *m);

#endif
