/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "trap.h"

#include "machine.h"

#define XPSR_THUMB 0x01000000u
#define ERASED_HALFWORD 0xFFFFu
#define WFE 0xBF20u
#define YIELD 0xBF10u
#define WIDE_HINT_FIRST 0xF3AFu
#define WIDE_YIELD_SECOND 0x8001u
#define WIDE_WFE_SECOND 0x8002u

/* Numbers that Unicorn passes to an interrupt hook for ARM. */
enum interrupt {
    INTERRUPT_SVC = 2,
    INTERRUPT_PREFETCH_ABORT = 3,
    INTERRUPT_BREAKPOINT = 7,
    INTERRUPT_EXCEPTION_RETURN = 8,
};

static uint32_t program_counter(const struct machine *m)
{
    uint32_t pc = 0;

    uc_reg_read(m->engine, UC_ARM_REG_PC, &pc);
    return pc;
}

static bool within(uint32_t address, uint32_t start, uint32_t size_bytes)
{
    return address - start < size_bytes;
}

static void route_store(struct machine *m, const struct flash_store *store)
{
    if (within(store->address, SCB_BLOCK_ADDRESS, SCB_BLOCK_BYTES)) {
        memo_disturb(m);
        scb_write(m, store);
    } else if (!mpu_store(m, store)) {
        memo_note_controlling(m);
        m->chip->store(m, store);
    }
}

/*
 * A store to memory that Unicorn may not write. Unicorn has just put the state of the instruction into the core, IT bits
 * included, and would run later code with them (its issue 2309): they are cleared here; the translated code in progress
 * knows its own conditions.
 */
static bool on_store(uc_engine *engine, uc_mem_type type, uint64_t address, int size_bytes, int64_t value, void *user_data)
{
    struct machine *m = user_data;
    uint32_t status = XPSR_THUMB;
    struct flash_store store = {
        .address = (uint32_t)address,
        .size_bytes = (uint32_t)size_bytes,
        .value = (uint32_t)value,
    };

    (void)type;
    uc_reg_write(engine, UC_ARM_REG_EPSR, &status);
    if (m->ended) {
        return true;
    }
    store.pc = program_counter(m);
    store.instructions = code_retired_at(m, store.pc);
    waiting_disturb(m);
    route_store(m, &store);
    return !m->fault.entering;
}

static void bus_error(struct machine *m, const char *access, uint32_t size_bytes, uint32_t address, uint32_t pc)
{
    fault_raise(m, FAULT_DATA, address, pc, "bus error: %s of %u byte%s at 0x%08X", access, size_bytes,
                size_bytes == 1 ? "" : "s", address);
}

static bool on_bad_access(uc_engine *engine, uc_mem_type type, uint64_t address, int size_bytes, int64_t value,
                          void *user_data)
{
    struct machine *m = user_data;
    uint32_t pc = program_counter(m);

    (void)engine;
    (void)value;
    memo_disturb(m);
    if (!m->ended) {
        bus_error(m, type == UC_MEM_WRITE_UNMAPPED ? "write" : "read", (uint32_t)size_bytes, (uint32_t)address, pc);
    }
    return false;
}

/* A load from a page that the MPU closes to reads in part or in this context. */
static bool on_closed_load(uc_engine *engine, uc_mem_type type, uint64_t address, int size_bytes, int64_t value, void *user_data)
{
    struct machine *m = user_data;
    uint32_t status = XPSR_THUMB;
    uint32_t pc = program_counter(m);

    (void)type;
    (void)value;
    uc_reg_write(engine, UC_ARM_REG_EPSR, &status); /* as for stores */
    if (m->ended || mpu_allows(m, (uint32_t)address, MPU_READ)) {
        return true;
    }
    fault_raise(m, FAULT_MPU_DATA, (uint32_t)address, pc, "MPU: read of %u byte%s at 0x%08X", (uint32_t)size_bytes,
                size_bytes == 1 ? "" : "s", (uint32_t)address);
    return false;
}

static bool on_bad_fetch(uc_engine *engine, uc_mem_type type, uint64_t address, int size_bytes, int64_t value,
                         void *user_data)
{
    struct machine *m = user_data;
    uint32_t pc = (uint32_t)address;

    (void)engine;
    (void)type;
    (void)size_bytes;
    (void)value;
    memo_disturb(m);
    if (m->ended) {
        return false;
    }
    if (m->mpu.restricts && pc < EXCEPTION_RETURN_MIN && !mpu_allows(m, pc, MPU_EXECUTE)) {
        fault_raise(m, FAULT_MPU_FETCH, 0, pc, "MPU: instruction fetch at 0x%08X", pc);
    } else if (within(pc, m->config.ram_address, m->config.ram_bytes) && !m->ram_executable) {
        m->ram_fetch_refused = true;
    } else if (m->config.chip == CHIP_STM32F103 && within(pc, m->config.system_address, m->config.system_bytes)) {
        machine_end(m, END_UNSUPPORTED, pc, code_retired_at(m, pc), "boot loader in system memory");
    } else if (pc >= EXCEPTION_RETURN_MIN && m->exception.depth > 0) {
        m->exception.returns = pc | 1u;
    } else {
        fault_raise(m, FAULT_FETCH, 0, pc, "bus error: instruction fetch at 0x%08X", pc);
    }
    return false;
}

static uint16_t halfword_at(const struct machine *m, uint32_t address)
{
    uint32_t limit;
    const uint8_t *bytes = code_bytes(m, address, &limit);

    return bytes != NULL && limit >= 2 ? (uint16_t)(bytes[0] | bytes[1] << 8) : 0;
}

/* Unicorn stops at YIELD and WFE as if they were undefined, but with the program counter already behind them. */
static bool follows_hint(const struct machine *m, uint32_t pc, uint16_t narrow, uint16_t wide_second)
{
    if (pc != m->block_address + m->block_bytes) {
        return false;
    }
    return halfword_at(m, pc - 2) == narrow ||
           (halfword_at(m, pc - 4) == WIDE_HINT_FIRST && halfword_at(m, pc - 2) == wide_second);
}

static bool on_undefined(uc_engine *engine, void *user_data)
{
    struct machine *m = user_data;
    uint32_t pc = program_counter(m);
    uint32_t offset;
    uint32_t status = 0;

    (void)engine;
    memo_disturb(m);
    if (m->ended) {
        return false;
    }
    if (follows_hint(m, pc, YIELD, WIDE_YIELD_SECOND)) {
        return true;
    }
    if (follows_hint(m, pc, WFE, WIDE_WFE_SECOND)) {
        sleep_for_event(m, pc);
        return !m->ended;
    }
    uc_reg_read(m->engine, UC_ARM_REG_XPSR, &status);
    if ((status & XPSR_THUMB) == 0) {
        fault_raise(m, FAULT_STATE, 0, pc, "jump to an even address");
    } else if (flash_locate(m, pc, &offset) && halfword_at(m, pc) == ERASED_HALFWORD) {
        machine_end(m, END_ERASED_FLASH, pc, code_retired_at(m, pc), "ran into erased flash");
    } else {
        fault_raise(m, FAULT_UNDEFINED, 0, pc, "undefined instruction");
    }
    return false;
}

static void on_interrupt(uc_engine *engine, uint32_t number, void *user_data)
{
    struct machine *m = user_data;
    uint32_t pc = program_counter(m);

    (void)engine;
    memo_disturb(m);
    if (m->ended) {
        return;
    }
    if (number == INTERRUPT_SVC) {
        exception_call(m, pc, m->instructions + m->block_instructions);
    } else if (pc >= EXCEPTION_RETURN_MIN && (number == INTERRUPT_PREFETCH_ABORT || number == INTERRUPT_EXCEPTION_RETURN)) {
        m->exception.returns = pc | 1u;
        uc_emu_stop(m->engine);
    } else if (number == INTERRUPT_PREFETCH_ABORT) {
        fault_raise(m, FAULT_FETCH, 0, pc, "bus error: instruction fetch at 0x%08X", pc);
    } else if (number == INTERRUPT_BREAKPOINT) {
        fault_raise(m, FAULT_BREAKPOINT, 0, pc, "breakpoint instruction without a debugger");
    } else {
        machine_end(m, END_HARD_FAULT, pc, code_retired_at(m, pc), "processor fault %u", number);
    }
}

void trap_halted(struct machine *m, uint32_t pc)
{
    sleep_for_interrupt(m, pc);
}

int32_t trap_install(struct machine *m)
{
    const struct {
        int type;
        void *callback;
    } hooks[] = {
        {UC_HOOK_MEM_WRITE_PROT, (void *)on_store},
        {UC_HOOK_MEM_READ_PROT, (void *)on_closed_load},
        {UC_HOOK_MEM_READ_UNMAPPED | UC_HOOK_MEM_WRITE_UNMAPPED, (void *)on_bad_access},
        {UC_HOOK_MEM_FETCH_UNMAPPED | UC_HOOK_MEM_FETCH_PROT, (void *)on_bad_fetch},
        {UC_HOOK_INSN_INVALID, (void *)on_undefined},
        {UC_HOOK_INTR, (void *)on_interrupt},
    };

    for (size_t index = 0; index < sizeof(hooks) / sizeof(hooks[0]); index++) {
        uc_hook hook;

        m->engine_error = uc_hook_add(m->engine, &hook, hooks[index].type, hooks[index].callback, m, 1, 0);
        if (m->engine_error != UC_ERR_OK) {
            return MACHINE_UNICORN;
        }
    }
    return MACHINE_OK;
}
