/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One boot: power-up, run, result. */
#include "machine.h"

#include <string.h>

#include "trap.h"

#define UNREACHABLE_ADDRESS 1u /* Unicorn runs until here: code is never at an odd address */
#define LINK_AFTER_RESET 0xFFFFFFFFu
#define FLAGS_MASK 0xF8000000u

/*
 * RAM and registers hold noise at power-on; whoever reads them before writing shall get it, and the same for a seed. A reset
 * may keep RAM; registers are undefined after every reset (ARMv7-M B1.5.5).
 */
static void fill_ram_and_registers(struct machine *m, const struct boot_request *request)
{
    uint64_t state = request->seed;
    uint32_t status;

    random_fill(&state, m->scramble, m->config.ram_bytes);
    if (request->ram != NULL) {
        memcpy(m->scramble, request->ram, m->config.ram_bytes);
    }
    memcpy(m->ram, m->scramble, m->config.ram_bytes);
    if (m->ram_executable) {
        m->ram_executable = false;
        uc_ctl_remove_cache(m->engine, (uint64_t)m->config.ram_address,
                            (uint64_t)m->config.ram_address + m->config.ram_bytes);
        uc_mem_protect(m->engine, m->config.ram_address, m->config.ram_bytes, UC_PROT_READ | UC_PROT_WRITE);
        busy_reads_reset(m);
        mpu_forget_ram(m);
        memo_resume_recording(m);
    }
    for (int identifier = UC_ARM_REG_R0; identifier <= UC_ARM_REG_R12; identifier++) {
        uint32_t value = (uint32_t)random_next(&state);

        uc_reg_write(m->engine, identifier, &value);
    }
    status = (uint32_t)random_next(&state) & FLAGS_MASK;
    uc_reg_write(m->engine, UC_ARM_REG_APSR_NZCVQ, &status);
}

void machine_reset(struct machine *m, const struct boot_request *request)
{
    uint32_t link = LINK_AFTER_RESET;

    m->instruction_budget = request->instruction_budget;
    m->stop_before = request->stop_before;
    m->instructions = 0;
    m->block_address = 0;
    m->block_bytes = 0;
    m->block_instructions = 0;
    m->ended = false;
    m->ram_fetch_refused = false;
    m->detail[0] = '\0';

    uc_context_restore(m->engine, m->reset_context);
    fill_ram_and_registers(m, request);
    uc_reg_write(m->engine, UC_ARM_REG_LR, &link);
    flash_restore(m, request->flash);
    operation_log_reset(m);
    reads_reset(m);
    memo_reset(m);
    converge_reset(m, request);
    domain_reset(m);
    exception_reset(m);
    fault_reset(m);
    nvic_reset(m);
    clock_reset(m);
    systick_reset(m);
    scb_reset(m);
    mpu_reset(m);
    dwt_reset(m);
    bus_reset(m);
    waiting_reset(m);
    watch_reset(m);
    reset_values_apply(m);
    peer_reset(m, request->peer, request->peer_timeout_ps);
    m->chip->reset(m, request);
    machine_schedule(m);
}

/* Take the initial stack pointer and the reset vector (ARMv7-M B1.5.5); LOCKUP where nothing could run from them. */
uint32_t machine_take_reset(struct machine *m)
{
    uint32_t stack;
    uint32_t entry;
    uint32_t limit;

    reads_note(m, m->config.flash_address, sizeof(stack) + sizeof(entry));
    memcpy(&stack, m->flash.cells, sizeof(stack));
    memcpy(&entry, m->flash.cells + sizeof(stack), sizeof(entry));
    uc_reg_write(m->engine, UC_ARM_REG_SP, &stack);
    domain_cross(m, entry & ~1u);
    if (stack - m->config.ram_address - 1 >= m->config.ram_bytes || stack % 4 != 0) {
        machine_end(m, END_LOCKUP, entry & ~1u, 0, "initial stack pointer 0x%08X is not in RAM", stack);
    } else if (entry % 2 == 0 || code_bytes(m, entry & ~1u, &limit) == NULL) {
        machine_end(m, END_LOCKUP, entry & ~1u, 0, "reset vector 0x%08X is not a Thumb address in flash or RAM", entry);
    }
    return entry & ~1u;
}

/* RAM is mapped without execution until code runs from it: stores to executable memory are slower, and loads may have to wait then. */
static bool allow_execution_from_ram(struct machine *m)
{
    m->ram_fetch_refused = false;
    m->ram_executable = true;
    memo_disturb(m);
    if (!memo_stop_recording(m)) {
        return false;
    }
    m->engine_error = uc_mem_protect(m->engine, m->config.ram_address, m->config.ram_bytes, UC_PROT_ALL);
    mpu_forget_ram(m);
    return m->engine_error == UC_ERR_OK && busy_reads_watch(m) && mpu_apply(m);
}

bool machine_run(struct machine *m, uint32_t pc)
{
    while (!m->ended) {
        uc_err error = uc_emu_start(m->engine, pc | 1u, UNREACHABLE_ADDRESS, 0, 0);

        uc_reg_read(m->engine, UC_ARM_REG_PC, &pc);
        code_mark(m, pc, m->config.page_bytes);
        if (m->ended || m->halt.halted) {
            break;
        }
        if (m->ram_fetch_refused) {
            if (!allow_execution_from_ram(m)) {
                return false;
            }
        } else if (m->memo.found != NULL) {
            pc = memo_apply(m);
        } else if (m->exception.next != 0 || m->exception.returns != 0) {
            code_retire_block(m);
            pc = exception_switch(m, pc);
            if (m->mpu.restricts) {
                uc_ctl_flush_tlb(m->engine); /* loads that were allowed in one of two contexts are judged anew */
            }
        } else if (m->mpu.changed) {
            if (!memo_stop_recording(m) || !mpu_apply(m)) {
                return false;
            }
        } else if (error == UC_ERR_OK) {
            trap_halted(m, pc);
        } else {
            m->engine_error = error;
            return false;
        }
    }
    return true;
}

/*
 * How deep the stack went below its initial pointer. What nothing reached still holds what RAM held before; below the pointer,
 * the longest run of it separates the stack from whatever else lies there, or from the end of RAM.
 */
static uint32_t stack_bytes(const struct machine *m)
{
    uint32_t top;
    uint32_t run_bytes = 0;
    uint32_t longest_bytes = 0;
    uint32_t longest_end = 0;

    memcpy(&top, m->flash.cells, sizeof(top));
    top -= m->config.ram_address;
    if (top > m->config.ram_bytes) {
        return 0;
    }
    for (uint32_t offset = 0; offset + 4 <= top; offset += 4) {
        run_bytes = memcmp(m->ram + offset, m->scramble + offset, 4) == 0 ? run_bytes + 4 : 0;
        if (run_bytes > longest_bytes) {
            longest_bytes = run_bytes;
            longest_end = offset + 4;
        }
    }
    return top - longest_end;
}

void machine_fill_result(struct machine *m, struct boot_result *result)
{
    struct clock_range time_fs = clock_fs_range(m, m->end_instructions);
    struct clock_range cycles = clock_cycles_range(m, m->end_instructions);

    *result = (struct boot_result){
        .flash = m->flash.cells,
        .option_bytes = m->option_bytes.cells,
        .operations = m->log.operations,
        .arena = m->log.arena,
        .entries = m->domain_log.entries,
        .misuses = m->log.misuses,
        .erases = m->log.erases,
        .page_uses = m->reads.pages,
        .erased_by = m->reads.erased_by,
        .reach = m->reads.reach,
        .uart = m->usart.output,
        .unmodelled = m->bus.unmodelled,
        .detail = m->detail,
        .operation_count = m->log.count,
        .arena_bytes = m->log.arena_bytes,
        .entry_count = m->domain_log.count,
        .misuse_count = m->log.misuse_count,
        .uart_bytes = m->usart.output_bytes,
        .unmodelled_count = m->bus.unmodelled_count,
        .instructions = m->end_instructions,
        .time_ps = clock_fs(m, m->end_instructions) / FEMTOSECONDS_PER_PICOSECOND,
        .time_low_ps = time_fs.low / FEMTOSECONDS_PER_PICOSECOND,
        .time_high_ps = time_fs.high / FEMTOSECONDS_PER_PICOSECOND,
        .cycles_low = cycles.low,
        .cycles_high = cycles.high,
        .watched = m->watch.total,
        .watchdog_longest_ps = m->iwdg.closest_fs / FEMTOSECONDS_PER_PICOSECOND,
        .watchdog_period_ps = m->iwdg.closest_period_fs / FEMTOSECONDS_PER_PICOSECOND,
        .pending = m->log.pending,
        .end = m->end,
        .pc = m->end_pc,
        .domain = domain_of(m, m->end_pc),
        .stack_bytes = stack_bytes(m),
    };
    m->chip->retain(m, &result->retained);
    nvmc_fill_history(m, result);
}

int32_t machine_boot(struct machine *m, const struct boot_request *request, struct boot_result *result)
{
    bool ran;

    machine_reset(m, request);
    ran = machine_run(m, machine_take_reset(m));
    memo_leave(m);
    if (!ran) {
        return MACHINE_UNICORN;
    }
    converge_finish(m);
    machine_fill_result(m, result);
    return MACHINE_OK;
}
