/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "halt.h"

#include <string.h>

#include "machine.h"

#define PC_NUMBER 15u
#define XPSR_NUMBER 16u
#define XPSR_THUMB 0x01000000u

static const int identifiers[HALT_REGISTERS] = {
    UC_ARM_REG_R0, UC_ARM_REG_R1, UC_ARM_REG_R2,  UC_ARM_REG_R3,  UC_ARM_REG_R4,  UC_ARM_REG_R5,
    UC_ARM_REG_R6, UC_ARM_REG_R7, UC_ARM_REG_R8,  UC_ARM_REG_R9,  UC_ARM_REG_R10, UC_ARM_REG_R11,
    UC_ARM_REG_R12, UC_ARM_REG_SP, UC_ARM_REG_LR, UC_ARM_REG_PC,  UC_ARM_REG_XPSR,
};

static bool within(uint32_t address, uint32_t size_bytes, uint32_t start, uint32_t length)
{
    return address - start < length && size_bytes <= length - (address - start);
}

/* Bytes of what runs in one go from `pc` on: an instruction, or IT with the instructions behind it. */
static uint32_t extent_at(const struct machine *m, uint32_t pc)
{
    uint32_t limit;
    const uint8_t *bytes = code_bytes(m, pc, &limit);
    uint32_t extent = 0;
    uint32_t left = 1;

    for (; bytes != NULL && left != 0 && extent + 2 <= limit; left--) {
        uint16_t first = (uint16_t)(bytes[extent] | bytes[extent + 1] << 8);

        left += extent == 0 ? cycles_conditional_after(first) : 0;
        extent += code_instruction_bytes(first);
    }
    return extent;
}

/* What is watched at its place in memory; NULL where it is neither flash nor RAM. */
static const uint8_t *watched_bytes(const struct machine *m, const struct halt_watch *watch)
{
    uint32_t limit;
    const uint8_t *bytes = code_bytes(m, watch->address, &limit);

    return bytes != NULL && watch->size_bytes <= limit ? bytes : NULL;
}

/* Whether watched memory is other than it was; takes note of what it is now. */
static bool watched_changed(struct machine *m)
{
    bool changed = false;

    for (uint32_t index = 0; index < m->halt.watch_count; index++) {
        struct halt_watch *watch = &m->halt.watches[index];
        const uint8_t *bytes = watched_bytes(m, watch);

        if (memcmp(watch->last, bytes, watch->size_bytes) != 0) {
            memcpy(watch->last, bytes, watch->size_bytes);
            m->halt.watched = watch->address;
            changed = true;
        }
    }
    return changed;
}

static enum halt_cause cause_at(struct machine *m, uint32_t pc, uint32_t extent)
{
    const struct halt *halt = &m->halt;

    if (halt->place_pc - pc < extent && halt->place_instructions - code_retired_at(m, pc) < extent) {
        return HALT_PLACE;
    }
    if (watched_changed(m)) {
        return HALT_WATCHED;
    }
    for (uint32_t index = 0; index < halt->breakpoint_count; index++) {
        if (halt->breakpoints[index] - pc < extent) {
            return HALT_BREAKPOINT;
        }
    }
    return halt->steps_left == 0 ? HALT_STEPPED : HALT_NONE;
}

static void stand_still(struct machine *m, uint32_t pc, enum halt_cause cause)
{
    uint64_t instructions = code_retired_at(m, pc);

    m->cycles = code_cycles_at(m, instructions);
    m->instructions = instructions;
    code_drop_block(m);
    m->block_bytes = 0;
    m->halt.halted = true;
    m->halt.pc = pc;
    m->halt.cause = cause;
    uc_emu_stop(m->engine);
}

static void on_instruction(uc_engine *engine, uint64_t address, uint32_t size_bytes, void *user_data)
{
    struct machine *m = user_data;
    uint32_t pc = (uint32_t)address;
    struct halt *halt = &m->halt;
    enum halt_cause cause = HALT_NONE;
    uint32_t extent;

    (void)engine;
    (void)size_bytes;
    if (m->ended || halt->halted || pc - halt->start - 1 < halt->extent - 1) {
        return;
    }
    extent = extent_at(m, pc);
    if (!halt->passes) {
        cause = cause_at(m, pc, extent);
    }
    halt->passes = false;
    if (cause != HALT_NONE) {
        stand_still(m, pc, cause);
        return;
    }
    halt->steps_left -= halt->steps_left != 0;
    halt->start = pc;
    halt->extent = extent;
}

int32_t halt_install(struct machine *m)
{
    uc_hook hook;

    if (m->config.halts == 0) {
        return MACHINE_OK;
    }
    m->engine_error = uc_hook_add(m->engine, &hook, UC_HOOK_CODE, (void *)on_instruction, m, 1, 0);
    return m->engine_error == UC_ERR_OK ? MACHINE_OK : MACHINE_UNICORN;
}

static int32_t go_from(struct machine *m, uint32_t pc, struct boot_result *result)
{
    if (!machine_run(m, pc)) {
        return MACHINE_UNICORN;
    }
    if (m->ended) {
        machine_fill_result(m, result);
        m->halt.halted = true;
        m->halt.pc = m->end_pc;
        m->halt.cause = HALT_ENDED;
    }
    return (int32_t)m->halt.cause;
}

int32_t machine_power_up(struct machine *m, const struct boot_request *request, uint64_t instructions, uint32_t pc, struct boot_result *result)
{
    machine_reset(m, request);
    m->halt.halted = false;
    m->halt.passes = false;
    m->halt.steps_left = UINT64_MAX;
    m->halt.place_instructions = instructions;
    m->halt.place_pc = pc;
    m->halt.extent = 1;
    return go_from(m, machine_take_reset(m), result);
}

int32_t machine_go(struct machine *m, uint64_t steps, struct boot_result *result)
{
    if (m->halt.cause == HALT_ENDED) {
        return HALT_ENDED;
    }
    m->halt.halted = false;
    m->halt.passes = true;
    m->halt.steps_left = steps;
    m->halt.place_instructions = UINT64_MAX;
    m->halt.extent = 1;
    watched_changed(m); /* by the debugger */
    return go_from(m, m->halt.pc, result);
}

bool machine_set_breakpoints(struct machine *m, const uint32_t *addresses, uint32_t count)
{
    if (count > HALT_BREAKPOINTS_MAX) {
        return false;
    }
    memcpy(m->halt.breakpoints, addresses, count * sizeof(*addresses));
    m->halt.breakpoint_count = count;
    return true;
}

bool machine_set_watches(struct machine *m, const struct halt_watch *watches, uint32_t count)
{
    if (count > HALT_WATCHES_MAX) {
        return false;
    }
    for (uint32_t index = 0; index < count; index++) {
        if (watches[index].size_bytes > HALT_WATCHED_BYTES_MAX || watched_bytes(m, &watches[index]) == NULL) {
            return false;
        }
    }
    memcpy(m->halt.watches, watches, count * sizeof(*watches));
    m->halt.watch_count = count;
    watched_changed(m);
    return true;
}

uint32_t machine_watched(const struct machine *m)
{
    return m->halt.watched;
}

void machine_read_registers(struct machine *m, uint32_t registers[HALT_REGISTERS])
{
    for (uint32_t number = 0; number < HALT_REGISTERS; number++) {
        registers[number] = 0;
        uc_reg_read(m->engine, identifiers[number], &registers[number]);
    }
    registers[PC_NUMBER] = m->halt.pc;
    registers[XPSR_NUMBER] |= XPSR_THUMB;
}

void machine_write_register(struct machine *m, uint32_t number, uint32_t value)
{
    if (number == PC_NUMBER) {
        m->halt.pc = value & ~1u;
    } else if (number < HALT_REGISTERS) {
        uc_reg_write(m->engine, identifiers[number], &value);
    }
}

bool machine_read_memory(struct machine *m, uint32_t address, uint32_t size_bytes, uint8_t *bytes)
{
    const struct machine_config *config = &m->config;
    uint32_t controller_address;
    uint32_t controller_bytes;

    m->chip->controller_registers(m, &controller_address, &controller_bytes);
    return (within(address, size_bytes, config->flash_address, config->flash_bytes) ||
            within(address, size_bytes, config->flash_alias_address, config->flash_bytes) ||
            within(address, size_bytes, config->ram_address, config->ram_bytes) ||
            within(address, size_bytes, config->system_address, config->system_bytes) ||
            within(address, size_bytes, controller_address, controller_bytes) ||
            within(address, size_bytes, SCB_BLOCK_ADDRESS, SCB_BLOCK_BYTES)) &&
           uc_mem_read(m->engine, address, bytes, size_bytes) == UC_ERR_OK;
}

bool machine_write_memory(struct machine *m, uint32_t address, uint32_t size_bytes, const uint8_t *bytes)
{
    if (!within(address, size_bytes, m->config.ram_address, m->config.ram_bytes)) {
        return false;
    }
    memcpy(m->ram + (address - m->config.ram_address), bytes, size_bytes);
    if (m->ram_executable) {
        uc_ctl_remove_cache(m->engine, (uint64_t)address & ~1ull, (uint64_t)address + size_bytes + 1);
    }
    return true;
}
