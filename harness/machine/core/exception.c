/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <string.h>

#define FRAME_BYTES 32u
#define FRAME_FLOAT_BYTES 104u
#define FLOAT_REGISTERS 16u
#define FLOAT_STATUS_WORD 24u
#define XPSR_THUMB 0x01000000u
#define XPSR_ALIGNED 0x200u
#define XPSR_EXCEPTION 0x1FFu
#define XPSR_IT 0x0600FC00u
#define RETURN_TO_HANDLER 0xFFFFFFF1u
#define RETURN_TO_THREAD_MAIN 0xFFFFFFF9u
#define RETURN_TO_THREAD_PROCESS 0xFFFFFFFDu
#define RETURN_WITHOUT_FLOAT 0x10u
#define CONTROL_SPSEL 0x2u
#define PRIORITY_THREAD 0x100
#define PRIORITY_NMI (-2)
#define PRIORITY_HARD_FAULT (-1)
#define FAULTS_FIRST EXCEPTION_HARD_FAULT
#define FAULTS_LAST 6u

static const int saved[5] = {UC_ARM_REG_R0, UC_ARM_REG_R1, UC_ARM_REG_R2, UC_ARM_REG_R3, UC_ARM_REG_R12};

static uint32_t get(const struct machine *m, int identifier)
{
    uint32_t value = 0;

    uc_reg_read(m->engine, identifier, &value);
    return value;
}

static void set(const struct machine *m, int identifier, uint32_t value)
{
    uc_reg_write(m->engine, identifier, &value);
}

static void show(struct machine *m)
{
    const struct exception *exception = &m->exception;

    scb_show_exceptions(m, exception->depth == 0 ? 0 : exception->active[exception->depth - 1], exception->pending);
}

void exception_reset(struct machine *m)
{
    memset(&m->exception, 0, sizeof(m->exception));
}

void exception_pend(struct machine *m, uint32_t number)
{
    m->exception.pending |= 1u << number;
    show(m);
    machine_schedule(m);
}

void exception_unpend(struct machine *m, uint32_t number)
{
    m->exception.pending &= ~(1u << number);
    show(m);
}

void exception_changed(struct machine *m)
{
    if (scb_events_on_pending(m) && (m->nvic.pending[0] | m->nvic.pending[1]) != 0) {
        m->exception.event = true;
    }
    machine_schedule(m);
}

bool exception_any(const struct machine *m)
{
    return m->exception.pending != 0 || nvic_any(m);
}

/* All bits of the priority: decides between two that are pending. */
static int32_t full_priority(const struct machine *m, uint32_t number)
{
    switch (number) {
    case EXCEPTION_NMI:
        return PRIORITY_NMI;
    case EXCEPTION_HARD_FAULT:
        return PRIORITY_HARD_FAULT;
    default:
        return number >= EXCEPTION_INTERRUPT ? m->nvic.priority[number - EXCEPTION_INTERRUPT]
                                             : (int32_t)scb_priority(m, number);
    }
}

int32_t exception_priority(const struct machine *m, uint32_t number)
{
    int32_t priority = full_priority(m, number);

    return priority < 0 ? priority : priority & (int32_t)scb_group_mask(m);
}

/* Priority that the core executes at, with the mask registers (ARMv7-M B1.5.4). */
int32_t exception_current_priority(const struct machine *m)
{
    int32_t priority = PRIORITY_THREAD;
    int32_t base = (int32_t)(get(m, UC_ARM_REG_BASEPRI) & scb_group_mask(m));

    for (uint32_t index = 0; index < m->exception.depth; index++) {
        int32_t active = exception_priority(m, m->exception.active[index]);

        priority = active < priority ? active : priority;
    }
    if (base != 0 && base < priority) {
        priority = base;
    }
    if ((get(m, UC_ARM_REG_PRIMASK) & 1u) != 0 && priority > 0) {
        priority = 0;
    }
    if ((get(m, UC_ARM_REG_FAULTMASK) & 1u) != 0 && priority > PRIORITY_HARD_FAULT) {
        priority = PRIORITY_HARD_FAULT;
    }
    return priority;
}

bool exception_is_active(const struct machine *m, uint32_t number)
{
    for (uint32_t index = 0; index < m->exception.depth; index++) {
        if (m->exception.active[index] == number) {
            return true;
        }
    }
    return false;
}

static bool is_pending(const struct machine *m, uint32_t number)
{
    return number >= EXCEPTION_INTERRUPT ? nvic_due(m, number - EXCEPTION_INTERRUPT)
                                         : (m->exception.pending >> number & 1u) != 0;
}

/* The pending exception to take now, 0 for none: the lowest priority value, then the lowest number. */
static uint32_t due(const struct machine *m)
{
    int32_t limit = exception_current_priority(m);
    uint32_t end = nvic_any(m) ? EXCEPTION_INTERRUPT + m->chip->interrupts : EXCEPTION_INTERRUPT;
    uint32_t best = 0;

    for (uint32_t number = EXCEPTION_NMI; number < end; number++) {
        if (is_pending(m, number) && exception_priority(m, number) < limit &&
            (best == 0 || full_priority(m, number) < full_priority(m, best))) {
            best = number;
        }
    }
    return best;
}

bool exception_heard(const struct machine *m)
{
    int32_t limit = exception_current_priority(m);

    for (uint32_t number = EXCEPTION_PENDSV; number < EXCEPTION_INTERRUPT + m->chip->interrupts; number++) {
        bool enabled = number < EXCEPTION_INTERRUPT || nvic_is_enabled(m, number - EXCEPTION_INTERRUPT);

        if (enabled && exception_priority(m, number) < limit) {
            return true;
        }
    }
    return (m->exception.pending & ((1u << EXCEPTION_PENDSV) - 1)) != 0;
}

bool exception_check(struct machine *m, uint32_t pc)
{
    (void)pc;
    if (!exception_any(m)) {
        return false;
    }
    m->exception.next = due(m);
    if (m->exception.next == 0) {
        return false;
    }
    code_drop_block(m); /* the block that was about to run runs after the handler */
    uc_emu_stop(m->engine);
    return true;
}

void exception_call(struct machine *m, uint32_t pc, uint64_t instructions)
{
    if (exception_priority(m, EXCEPTION_SVCALL) >= exception_current_priority(m)) {
        machine_end(m, END_HARD_FAULT, pc, instructions, "SVC at a priority that cannot take it");
        return;
    }
    m->exception.next = EXCEPTION_SVCALL;
    uc_emu_stop(m->engine);
}

static uint32_t *stack_frame(struct machine *m, uint32_t address, uint32_t size_bytes)
{
    uint32_t offset = address - m->config.ram_address;

    return offset <= m->config.ram_bytes - size_bytes && address % 4 == 0 ? (uint32_t *)(void *)(m->ram + offset) : NULL;
}

static void push_float(struct machine *m, uint32_t *frame)
{
    for (uint32_t index = 0; index < FLOAT_REGISTERS; index++) {
        frame[8 + index] = get(m, UC_ARM_REG_S0 + (int)index);
    }
    frame[FLOAT_STATUS_WORD] = get(m, UC_ARM_REG_FPSCR);
    frame[FLOAT_STATUS_WORD + 1] = 0;
}

static void pop_float(struct machine *m, const uint32_t *frame)
{
    for (uint32_t index = 0; index < FLOAT_REGISTERS; index++) {
        set(m, UC_ARM_REG_S0 + (int)index, frame[8 + index]);
    }
    set(m, UC_ARM_REG_FPSCR, frame[FLOAT_STATUS_WORD]);
}

/*
 * Unicorn does not keep CONTROL.FPCA: once CPACR lets the code use the FPU, every frame has the long form. What lazy stacking
 * would store later is stored at once. Code that never used it has 72 bytes more on its stack than on the chip.
 */
static bool has_float_context(const struct machine *m)
{
    return m->chip->has_fpu && scb_float_enabled(m);
}

/* The stack that thread mode uses after a return: a handler may have chosen the other one. */
static void set_thread_stack(struct machine *m, bool process)
{
    uint32_t control = get(m, UC_ARM_REG_CONTROL);
    uint32_t wanted = process ? control | CONTROL_SPSEL : control & ~CONTROL_SPSEL;

    if (wanted != control) {
        set(m, UC_ARM_REG_CONTROL, wanted);
    }
}

static uint32_t return_value(const struct machine *m, bool process, bool with_float)
{
    uint32_t value = m->exception.depth != 0 ? RETURN_TO_HANDLER
                     : process             ? RETURN_TO_THREAD_PROCESS
                                           : RETURN_TO_THREAD_MAIN;

    return with_float ? value & ~RETURN_WITHOUT_FLOAT : value;
}

static void activate(struct machine *m, uint32_t number)
{
    if (number >= EXCEPTION_INTERRUPT) {
        nvic_enter(m, number - EXCEPTION_INTERRUPT);
    } else {
        m->exception.pending &= ~(1u << number);
    }
    m->exception.active[m->exception.depth++] = number;
    m->exception.event = true;
    show(m);
}

static uint32_t enter(struct machine *m, uint32_t number, uint32_t pc)
{
    uint32_t stack = get(m, UC_ARM_REG_SP);
    uint32_t status = get(m, UC_ARM_REG_XPSR) & ~XPSR_ALIGNED;
    bool with_float = has_float_context(m);
    uint32_t frame_bytes = with_float ? FRAME_FLOAT_BYTES : FRAME_BYTES;
    bool pad = scb_aligns_stack(m) && stack % 8 != 0;
    uint32_t frame_address = stack - frame_bytes - (pad ? 4u : 0u);
    uint32_t *frame = stack_frame(m, frame_address, frame_bytes);
    bool process = m->exception.depth == 0 && (get(m, UC_ARM_REG_CONTROL) & CONTROL_SPSEL) != 0;
    uint32_t limit;
    const uint8_t *vector = code_bytes(m, scb_vector_table(m) + 4 * number, &limit);

    reads_note(m, scb_vector_table(m) + 4 * number, 4);
    if (frame == NULL || vector == NULL || limit < 4 || m->exception.depth == EXCEPTION_DEPTH_MAX) {
        machine_end(m, END_LOCKUP, pc, m->instructions, "no stack or vector for exception %u, SP 0x%08X", number, stack);
        return pc;
    }
    for (uint32_t index = 0; index < 5; index++) {
        frame[index] = get(m, saved[index]);
    }
    frame[5] = get(m, UC_ARM_REG_LR);
    frame[6] = pc;
    frame[7] = status | XPSR_THUMB | (pad ? XPSR_ALIGNED : 0);
    if (with_float) {
        push_float(m, frame);
    }
    set(m, UC_ARM_REG_SP, frame_address);
    set(m, UC_ARM_REG_LR, return_value(m, process, with_float));
    set(m, UC_ARM_REG_XPSR, (status & ~(XPSR_EXCEPTION | XPSR_IT)) | XPSR_THUMB | number);
    activate(m, number);
    memcpy(&pc, vector, sizeof(pc));
    if (pc % 2 == 0) {
        machine_end(m, END_HARD_FAULT, pc, m->instructions, "vector of exception %u is even: 0x%08X", number, pc);
    }
    return pc & ~1u;
}

static void deactivate(struct machine *m)
{
    uint32_t number = m->exception.active[--m->exception.depth];
    bool in_fault = false;

    if (number >= EXCEPTION_INTERRUPT) {
        nvic_leave(m, number - EXCEPTION_INTERRUPT);
    }
    for (uint32_t fault = FAULTS_FIRST; fault <= FAULTS_LAST; fault++) {
        in_fault = in_fault || exception_is_active(m, fault);
    }
    m->fault.taken = m->fault.taken && in_fault;
    m->exception.event = true;
    if (number != EXCEPTION_NMI) {
        set(m, UC_ARM_REG_FAULTMASK, 0);
    }
    show(m);
}

static uint32_t leave(struct machine *m, uint32_t value, uint32_t pc)
{
    bool with_float = (value & RETURN_WITHOUT_FLOAT) == 0 && m->chip->has_fpu;
    uint32_t kind = with_float ? value | RETURN_WITHOUT_FLOAT : value;
    bool process = kind == RETURN_TO_THREAD_PROCESS;
    bool to_thread = kind != RETURN_TO_HANDLER;
    uint32_t frame_bytes = with_float ? FRAME_FLOAT_BYTES : FRAME_BYTES;
    uint32_t stack = get(m, process ? UC_ARM_REG_PSP : UC_ARM_REG_SP);
    uint32_t *frame = stack_frame(m, stack, frame_bytes);
    uint32_t status;

    if (m->exception.depth == 0 || frame == NULL || to_thread != (m->exception.depth == 1) ||
        (to_thread && !process && kind != RETURN_TO_THREAD_MAIN)) {
        machine_end(m, END_HARD_FAULT, pc, m->instructions, "bad exception return 0x%08X, SP 0x%08X", value, stack);
        return pc;
    }
    deactivate(m);
    for (uint32_t index = 0; index < 5; index++) {
        set(m, saved[index], frame[index]);
    }
    set(m, UC_ARM_REG_LR, frame[5]);
    if (with_float) {
        pop_float(m, frame);
    }
    status = frame[7];
    stack += frame_bytes + ((status & XPSR_ALIGNED) != 0 ? 4u : 0u);
    pc = frame[6] & ~1u;
    set(m, process ? UC_ARM_REG_PSP : UC_ARM_REG_SP, stack);
    set(m, UC_ARM_REG_XPSR, (status & ~XPSR_ALIGNED) | XPSR_THUMB);
    if (to_thread) {
        set_thread_stack(m, process);
    }
    return pc;
}

uint32_t exception_switch(struct machine *m, uint32_t pc)
{
    struct exception *exception = &m->exception;

    waiting_disturb(m);
    memo_disturb(m);
    if (m->fault.entering) {
        pc = m->fault.pc;
        m->fault.entering = false;
    }
    if (exception->returns != 0) {
        pc = leave(m, exception->returns, pc);
        exception->returns = 0;
    } else {
        pc = enter(m, exception->next, pc);
        exception->next = 0;
    }
    machine_schedule(m);
    return pc;
}
