/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A core that a debugger can halt between any two instructions. Only a machine that is made for it (`machine_config.halts`) pays for it: a hook at
 * every instruction.
 *
 *  1. The core halts before an instruction: no store of it has reached the flash, and no operation of it is in the log.
 *  2. What ran of the block is counted, the rest is not: time and instructions go on exactly where the core goes on.
 *  3. IT and the instructions that it makes conditional run in one go, because Unicorn cannot stop between them: whoever wants to halt inside is
 *     halted before IT.
 */
#ifndef HALT_H
#define HALT_H

#include <stdbool.h>
#include <stdint.h>

struct boot_request;
struct boot_result;
struct machine;

#define HALT_BREAKPOINTS_MAX 64u
#define HALT_REGISTERS 17u /* r0 to r15, xPSR */
#define HALT_WATCHES_MAX 4u
#define HALT_WATCHED_BYTES_MAX 16u

/* Why the core stands still. Mirrors `_Halt` in embedded_debuggee.py. */
enum halt_cause {
    HALT_NONE = 0,
    HALT_PLACE = 1,      /* where `machine_power_up` was told to */
    HALT_BREAKPOINT = 2,
    HALT_STEPPED = 3,    /* as many instructions have run as were asked for */
    HALT_ENDED = 4,      /* the boot is over */
    HALT_WATCHED = 5,    /* watched memory has changed */
};

/* Memory of flash or RAM whose change halts the core, behind the instruction that made it. Mirrors `_Watch` in embedded_debuggee.py. */
struct halt_watch {
    uint32_t address;
    uint32_t size_bytes;
    uint8_t last[HALT_WATCHED_BYTES_MAX];
};

struct halt {
    uint64_t steps_left;
    uint64_t place_instructions;
    uint32_t place_pc;
    uint32_t pc;
    uint32_t start; /* of what runs in one go, and its bytes */
    uint32_t extent;
    bool halted;
    bool passes; /* the instruction that the core stood before runs now */
    uint32_t cause;
    uint32_t breakpoint_count;
    uint32_t breakpoints[HALT_BREAKPOINTS_MAX];
    uint32_t watch_count;
    struct halt_watch watches[HALT_WATCHES_MAX];
    uint32_t watched; /* address of what has changed last */
};

/* Install the hook, where the machine is made for it. */
int32_t halt_install(struct machine *m);

/*
 * Power up as for `machine_boot`, and run until right before the instruction at `pc`, once `instructions` have retired; 0 and the reset's entry:
 * before the first one. Returns an `enum halt_cause`, or a negative `machine_error`; `result` is filled where the boot ended.
 */
int32_t machine_power_up(struct machine *m, const struct boot_request *request, uint64_t instructions, uint32_t pc, struct boot_result *result);

/* Run at most `steps` instructions from where the core stands; returns as `machine_power_up` does. */
int32_t machine_go(struct machine *m, uint64_t steps, struct boot_result *result);

/* Halt before the instructions at these addresses; false where there are too many. */
bool machine_set_breakpoints(struct machine *m, const uint32_t *addresses, uint32_t count);

/* Halt behind the instruction that changes one of these; false where they are too many, too large, or neither flash nor RAM. */
bool machine_set_watches(struct machine *m, const struct halt_watch *watches, uint32_t count);

/* Address of the watched memory that has changed last. */
uint32_t machine_watched(const struct machine *m);

/* Registers of the halted core: r0 to r15, xPSR. */
void machine_read_registers(struct machine *m, uint32_t registers[HALT_REGISTERS]);
void machine_write_register(struct machine *m, uint32_t number, uint32_t value);

/* Flash, RAM, option and factory bytes, and the registers that the core keeps as memory; false where nothing of these is there. */
bool machine_read_memory(struct machine *m, uint32_t address, uint32_t size_bytes, uint8_t *bytes);

/* RAM alone: the cells of the flash change by the controller only. */
bool machine_write_memory(struct machine *m, uint32_t address, uint32_t size_bytes, const uint8_t *bytes);

#endif
