/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define EXCEPTION_MEMORY_FAULT 4u
#define EXCEPTION_BUS_FAULT 5u
#define EXCEPTION_USAGE_FAULT 6u
#define BRANCH_TO_SELF 0xE7FEu
#define ERASED_HALFWORD 0xFFFFu
#define PRIORITY_HARD_FAULT (-1)

/* Exception, and bits of CFSR and HFSR, for each cause. */
static const struct {
    uint32_t exception;
    uint32_t status;
} causes[] = {
    [FAULT_FETCH] = {EXCEPTION_BUS_FAULT, 1u << 8},
    [FAULT_DATA] = {EXCEPTION_BUS_FAULT, 1u << 9 | 1u << 15},
    [FAULT_UNDEFINED] = {EXCEPTION_USAGE_FAULT, 1u << 16},
    [FAULT_STATE] = {EXCEPTION_USAGE_FAULT, 1u << 17},
    [FAULT_MPU_FETCH] = {EXCEPTION_MEMORY_FAULT, 1u << 0},
    [FAULT_MPU_DATA] = {EXCEPTION_MEMORY_FAULT, 1u << 1 | 1u << 7},
    [FAULT_BREAKPOINT] = {EXCEPTION_HARD_FAULT, 0},
};

void fault_reset(struct machine *m)
{
    memset(&m->fault, 0, sizeof(m->fault));
}

static uint16_t halfword_at(const struct machine *m, uint32_t address)
{
    uint32_t limit;
    const uint8_t *bytes = code_bytes(m, address, &limit);

    return bytes != NULL && limit >= 2 ? (uint16_t)(bytes[0] | bytes[1] << 8) : ERASED_HALFWORD;
}

static bool has_handler(const struct machine *m, uint32_t number)
{
    uint32_t limit;
    const uint8_t *vector = code_bytes(m, scb_vector_table(m) + 4 * number, &limit);
    uint32_t handler;
    uint16_t first;

    if (vector == NULL || limit < sizeof(handler)) {
        return false;
    }
    memcpy(&handler, vector, sizeof(handler));
    first = halfword_at(m, handler & ~1u);
    return handler % 2 == 1 && first != ERASED_HALFWORD && first != BRANCH_TO_SELF;
}

static uint32_t exception_for(const struct machine *m, enum fault_cause cause)
{
    uint32_t number = causes[cause].exception;

    if (number != EXCEPTION_HARD_FAULT && scb_fault_enabled(m, number) &&
        exception_priority(m, number) < exception_current_priority(m)) {
        return number;
    }
    return EXCEPTION_HARD_FAULT;
}

static void remember(struct machine *m, uint32_t pc, const char *detail)
{
    if (!m->fault.taken) {
        m->fault.taken = true;
        m->fault.origin = pc;
        snprintf(m->fault.detail, sizeof(m->fault.detail), "%s", detail);
    }
}

void fault_raise(struct machine *m, enum fault_cause cause, uint32_t address, uint32_t pc, const char *format, ...)
{
    uint64_t instructions = code_retired_at(m, pc);
    uint32_t number = exception_for(m, cause);
    char detail[sizeof(m->fault.detail)];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    if (number == EXCEPTION_HARD_FAULT && exception_current_priority(m) <= PRIORITY_HARD_FAULT) {
        machine_end(m, END_LOCKUP, pc, instructions, "%s, in a fault handler", detail);
    } else if (!has_handler(m, number)) {
        machine_end(m, END_HARD_FAULT, pc, instructions, "%s", detail);
    } else if (!m->ended) {
        remember(m, pc, detail);
        scb_show_fault(m, causes[cause].status, address, number == EXCEPTION_HARD_FAULT);
        m->cycles = code_cycles_at(m, instructions);
        m->instructions = instructions;
        code_drop_block(m);
        m->block_bytes = 0;
        m->exception.next = number;
        m->fault.entering = true;
        m->fault.pc = pc;
        uc_emu_stop(m->engine);
    }
}

bool fault_end(struct machine *m, uint64_t instructions)
{
    if (!m->fault.taken) {
        return false;
    }
    machine_end(m, END_HARD_FAULT, m->fault.origin, instructions, "%s", m->fault.detail);
    return true;
}
