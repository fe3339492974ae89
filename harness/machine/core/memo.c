/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Looking calls up, and writing down what a known one does. */
#include "memo_private.h"

#include <string.h>

static int core_registers[MEMO_REGISTERS + 1] = {
    UC_ARM_REG_R0, UC_ARM_REG_R1, UC_ARM_REG_R2,  UC_ARM_REG_R3,  UC_ARM_REG_R4, UC_ARM_REG_R5, UC_ARM_REG_R6,   UC_ARM_REG_R7,
    UC_ARM_REG_R8, UC_ARM_REG_R9, UC_ARM_REG_R10, UC_ARM_REG_R11, UC_ARM_REG_SP, UC_ARM_REG_LR, UC_ARM_REG_XPSR, UC_ARM_REG_R12,
};

static uint8_t *controller(struct machine *m, uint32_t *size_bytes)
{
    uint32_t address;

    return (uint8_t *)m->chip->controller_registers(m, &address, size_bytes);
}

uint32_t memo_controller_bytes(struct machine *m)
{
    uint32_t size_bytes;

    controller(m, &size_bytes);
    return size_bytes;
}

void memo_read_state(struct machine *m, struct memo_state *state)
{
    void *values[MEMO_REGISTERS + 1];
    uint32_t size_bytes;

    for (uint32_t index = 0; index < MEMO_REGISTERS; index++) {
        state->registers[index] = 0;
        values[index] = &state->registers[index];
    }
    state->r12 = 0;
    values[MEMO_REGISTERS] = &state->r12;
    uc_reg_read_batch(m->engine, core_registers, values, MEMO_REGISTERS + 1);
    state->saturated = state->registers[MEMO_XPSR] & XPSR_Q;
    state->registers[MEMO_XPSR] &= ~XPSR_Q;
    state->core_hz = m->clock.core_hz;
    state->wait_states = m->clock.wait_states;
    state->fpec_lock = m->fpec.lock;
    state->fpec_option_lock = m->fpec.option_lock;
    state->oscillator = rcc_internal_oscillator_runs(m);
    state->port_closed = m->nvmc.port_closed;
    state->scb = (const uint8_t *)m->scb.registers;
    state->controller = controller(m, &size_bytes);
    state->system = m->system_memory;
}

/* Every call was recorded without the Q flag: so it is known whether it sets it, and it leaves the flag to whoever has it. */
static bool same_state(struct machine *m, const struct memo_state *now, const struct memo_record *record)
{
    const struct memo_state *before = &record->before;

    return (now->r12 == before->r12 || (record->sharing & CODE_SHARING_USES_R12) == 0) &&
           memcmp(now, before, offsetof(struct memo_state, scb)) == 0 &&
           memcmp(now->scb, before->scb, SCB_BLOCK_BYTES) == 0 &&
           memcmp(now->system, before->system, m->config.system_bytes) == 0;
}

static bool same_controller(struct machine *m, const struct memo_state *now, const struct memo_record *record)
{
    return !record->controls ||
           (now->fpec_lock == record->before.fpec_lock && now->fpec_option_lock == record->before.fpec_option_lock &&
            memcmp(now->controller, record->before.controller, memo_controller_bytes(m)) == 0);
}

static bool same_ram(const struct machine *m, const struct memo_record *record)
{
    for (uint32_t index = 0; index < record->ram_read_count; index++) {
        const struct memo_range *range = &record->ram_reads[index];

        if (memcmp(m->ram + range->offset, range->content, range->size_bytes) != 0) {
            return false;
        }
    }
    return true;
}

static bool same_wear(const struct machine *m, const struct memo_page *page)
{
    const struct nvmc_page *now = &m->nvmc.pages[page->page];
    uint32_t words = m->config.page_bytes / NVMC_WORD_BYTES;

    if (page->after == NULL || page->before == NULL) {
        return true; /* nothing depends on it: the page is only read, or erased first */
    }
    return now->erased_ms == page->wear_before.page.erased_ms && now->counted == page->wear_before.page.counted &&
           (!now->counted || memcmp(m->nvmc.writes + page->page * words, page->wear_before.writes, words) == 0);
}

static bool same_pages(const struct machine *m, const struct memo_record *record)
{
    uint32_t page_bytes = m->config.page_bytes;

    for (uint32_t index = 0; index < record->page_count; index++) {
        const struct memo_page *page = &record->pages[index];

        if (page->before != NULL && memcmp(m->flash.cells + page->page * page_bytes, page->before, page_bytes) != 0) {
            return false;
        }
        if (!same_wear(m, page)) {
            return false;
        }
    }
    return true;
}

/* Whether nothing ends the boot, and nothing is due, before the call is over. */
static bool undisturbed(const struct machine *m, const struct memo_record *record)
{
    uint64_t work = m->cycles.low + m->cycles.high + record->cycles.low + record->cycles.high;

    if (record->sends && m->usart.output_bytes + record->sent_bytes >= USART_OUTPUT_MAX) {
        return false;
    }
    if (m->instructions + record->instructions >= m->next_check || work >= m->next_check_work) {
        return false;
    }
    /* Operations take time beside work: then nothing at all may be due. */
    return record->operation_count == 0 ||
           (m->next_check_work == UINT64_MAX && m->stop_before - m->log.count >= record->operation_count &&
            operation_log_has_room(m, record->operation_count, record->erase_count));
}

static const struct memo_record *find_aged(struct machine *m, uint32_t age, uint32_t pc, const struct memo_state *now)
{
    for (const struct memo_record *record = memo_first(m->memo.store, age, pc, now); record != NULL; record = record->next) {
        if (record->pc == pc && same_state(m, now, record) && same_controller(m, now, record) && same_ram(m, record) &&
            same_pages(m, record) &&
            (!record->sends || memo_same_sender(m, &record->sender_before))) {
            return record;
        }
    }
    return NULL;
}

const struct memo_record *memo_find(struct machine *m, uint32_t pc, const struct memo_state *now)
{
    const struct memo_record *record = find_aged(m, 0, pc, now);

    if (record == NULL) {
        record = find_aged(m, 1, pc, now);
        record = record == NULL ? NULL : memo_copy(m, record);
    }
    return record != NULL && undisturbed(m, record) ? record : NULL;
}

void memo_disturb(struct machine *m)
{
    m->memo.disturbances++;
    m->memo.return_pc = MEMO_NOTHING;
    memo_show_saturation(m);
}

void memo_enter(struct machine *m, uint32_t pc)
{
    struct memo_state now;

    if (m->ram_executable || m->mpu.restricts || m->mpu.changed || m->call_stacks.kept != NULL || m->fpec.busy || m->nvmc.busy) {
        return; /* code may be anywhere, an access may be refused, the stacks inside are wanted, the core may be stalled */
    }
    memo_read_state(m, &now);
    m->memo.found = memo_find(m, pc, &now);
    if (m->memo.found != NULL) {
        code_drop_block(m); /* the call is not executed */
        uc_emu_stop(m->engine);
    } else if (m->memo.recorder != NULL) {
        memo_begin(m, pc, &now);
    }
}

static void write_registers(struct machine *m, const struct memo_record *record)
{
    const struct memo_state *after = &record->after;
    uint32_t status = 0;

    uc_reg_read(m->engine, UC_ARM_REG_XPSR, &status);
    status = after->registers[MEMO_XPSR] | after->saturated | (status & XPSR_Q);
    for (uint32_t index = 0; index < MEMO_XPSR; index++) {
        uc_reg_write(m->engine, core_registers[index], &after->registers[index]);
    }
    uc_reg_write(m->engine, UC_ARM_REG_XPSR, &status);
    if ((record->sharing & CODE_SHARING_USES_R12) != 0) {
        uc_reg_write(m->engine, UC_ARM_REG_R12, &after->r12);
    }
}

static void write_ram(struct machine *m, const struct memo_record *record)
{
    for (uint32_t index = 0; index < record->ram_read_count; index++) {
        memo_ram_read(m, record->ram_reads[index].offset, record->ram_reads[index].size_bytes);
    }
    for (uint32_t index = 0; index < record->ram_write_count; index++) {
        const struct memo_range *range = &record->ram_writes[index];

        memcpy(m->ram + range->offset, range->content, range->size_bytes);
        memo_ram_written(m, range->offset, range->size_bytes);
    }
}

static void note_pages(struct machine *m, const struct memo_record *record)
{
    for (uint32_t index = 0; index < record->page_count; index++) {
        const struct memo_page *page = &record->pages[index];
        uint32_t offset = page->page * m->config.page_bytes;

        if (page->use == PAGE_READ) {
            reads_note(m, m->config.flash_address + offset, page->reach & ~REACH_ENDED);
        }
        if ((page->reach & REACH_ENDED) != 0) {
            reads_erased(m, offset, m->log.count + page->erased_by);
        }
    }
}

static void write_pages(struct machine *m, const struct memo_record *record)
{
    uint32_t page_bytes = m->config.page_bytes;
    uint32_t words = page_bytes / NVMC_WORD_BYTES;

    for (uint32_t index = 0; index < record->page_count; index++) {
        const struct memo_page *page = &record->pages[index];

        if (page->after != NULL) {
            flash_replace(m, page->page * page_bytes, page->after, page_bytes);
            m->nvmc.pages[page->page] = page->wear_after.page;
            if (page->wear_after.writes != NULL) {
                memcpy(m->nvmc.writes + page->page * words, page->wear_after.writes, words);
            }
        }
    }
}

static void log_operations(struct machine *m, const struct memo_record *record, uint64_t begin_fs)
{
    for (uint32_t index = 0; index < record->operation_count; index++) {
        const struct memo_operation *known = &record->operations[index];
        struct operation operation = known->operation;
        const uint8_t *old_bytes = NULL;

        operation.instructions += m->instructions;
        operation_set_start(&operation, begin_fs + known->start_fs);
        if (operation.kind == OPERATION_PAGE_ERASE) {
            old_bytes = known->old_bytes != NULL ? known->old_bytes : m->flash.cells + (operation.address - m->config.flash_address);
        }
        operation_log_append(m, &operation, old_bytes);
    }
}

uint32_t memo_apply(struct machine *m)
{
    const struct memo_record *record = m->memo.found;
    uint32_t size_bytes;
    uint64_t begin_fs = clock_fs(m, m->instructions);

    m->memo.found = NULL;
    if (record->operation_count != 0 || record->sends) {
        waiting_disturb(m);
    }
    note_pages(m, record);
    log_operations(m, record, begin_fs);
    write_pages(m, record);
    write_ram(m, record);
    write_registers(m, record);
    memo_note_sharing(m, record->sharing);
    if (record->controls) {
        memo_note_controlling(m);
        memcpy(controller(m, &size_bytes), record->after.controller, memo_controller_bytes(m));
        m->fpec.lock = record->after.fpec_lock;
        m->fpec.option_lock = record->after.fpec_option_lock;
    }
    clock_advance(m, &record->clock, record->cycles, record->instructions);
    if (record->sends) {
        memo_note_sending(m);
        usart_sender_write(m, &record->sender_after, record->sent, record->sent_bytes);
    }
    memo_count_hit(m->memo.store, record);
    machine_schedule(m);
    if (record->operation_count != 0) {
        converge_after_call(m, record->return_pc);
    }
    return record->return_pc;
}
