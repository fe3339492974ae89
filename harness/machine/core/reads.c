/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <string.h>

#define XPSR_THUMB 0x01000000u

void reads_extend(uint32_t *reach, uint32_t end)
{
    if ((*reach & REACH_ENDED) == 0 && end > *reach) {
        *reach = end;
    }
}

void reads_note(struct machine *m, uint32_t address, uint32_t size_bytes)
{
    uint32_t offset;
    uint32_t last;

    if (m->reads.pages == NULL || size_bytes == 0 || !flash_locate(m, address, &offset)) {
        return;
    }
    last = offset + size_bytes - 1;
    if (last >= m->config.flash_bytes) {
        last = m->config.flash_bytes - 1;
    }
    for (uint32_t page = offset / m->config.page_bytes; page <= last / m->config.page_bytes; page++) {
        const uint32_t start = page * m->config.page_bytes;
        const uint32_t end = last - start < m->config.page_bytes ? last - start + 1 : m->config.page_bytes;

        if (m->reads.pages[page] == PAGE_UNTOUCHED) {
            m->reads.pages[page] = PAGE_READ;
        }
        reads_extend(&m->reads.reach[page], end);
        if (m->memo.return_pc != MEMO_NOTHING) {
            memo_page_read(m, page, end);
        }
    }
}

void reads_erased(struct machine *m, uint32_t offset, uint32_t operation)
{
    uint32_t page = offset / m->config.page_bytes;

    if (m->reads.pages == NULL) {
        return;
    }
    if (m->reads.pages[page] == PAGE_UNTOUCHED) {
        m->reads.pages[page] = PAGE_ERASED_FIRST;
        m->reads.erased_by[page] = operation;
    }
    m->reads.reach[page] |= REACH_ENDED;
    if (m->memo.return_pc != MEMO_NOTHING) {
        memo_page_erased(m, page);
    }
}

void reads_reset(struct machine *m)
{
    if (m->reads.pages != NULL) {
        memset(m->reads.pages, PAGE_UNTOUCHED, m->config.flash_bytes / m->config.page_bytes);
        memset(m->reads.erased_by, 0, m->config.flash_bytes / m->config.page_bytes * sizeof(*m->reads.erased_by));
        memset(m->reads.reach, 0, m->config.flash_bytes / m->config.page_bytes * sizeof(*m->reads.reach));
    }
}

static void on_load(uc_engine *engine, uc_mem_type type, uint64_t address, int size_bytes, int64_t value, void *user_data)
{
    uint32_t status = XPSR_THUMB;

    (void)type;
    (void)value;
    /* As for stores: a memory hook inside an IT block leaves stale IT bits in the core (Unicorn's issue 2309). */
    uc_reg_write(engine, UC_ARM_REG_EPSR, &status);
    reads_note(user_data, (uint32_t)address, (uint32_t)size_bytes);
}

static void on_controller_load(uc_engine *engine, uc_mem_type type, uint64_t address, int size_bytes, int64_t value, void *user_data)
{
    uint32_t status = XPSR_THUMB;

    (void)type;
    (void)address;
    (void)size_bytes;
    (void)value;
    uc_reg_write(engine, UC_ARM_REG_EPSR, &status); /* as for loads from the flash */
    memo_note_controlling(user_data);
}

static void on_block(uc_engine *engine, uint64_t address, uint32_t size_bytes, void *user_data)
{
    (void)engine;
    reads_note(user_data, (uint32_t)address, size_bytes == 0 ? 2 : size_bytes);
    memo_follow(user_data, (uint32_t)address, size_bytes);
}

int32_t reads_install(struct machine *m)
{
    const uint64_t starts[] = {m->config.flash_address, m->config.flash_alias_address};
    uint32_t controller_address;
    uint32_t controller_bytes;
    uc_hook hook;

    if (m->reads.pages == NULL) {
        return MACHINE_OK;
    }
    m->chip->controller_registers(m, &controller_address, &controller_bytes);
    m->engine_error = uc_hook_add(m->engine, &hook, UC_HOOK_BLOCK, (void *)on_block, m, 1, 0);
    const size_t ranges = starts[0] == starts[1] ? 1 : 2;

    for (size_t index = 0; index < ranges && m->engine_error == UC_ERR_OK; index++) {
        m->engine_error = uc_hook_add(m->engine, &hook, UC_HOOK_MEM_READ, (void *)on_load, m, starts[index],
                                      starts[index] + m->config.flash_bytes - 1);
    }
    if (m->engine_error == UC_ERR_OK) {
        m->engine_error = uc_hook_add(m->engine, &hook, UC_HOOK_MEM_READ, (void *)on_controller_load, m, controller_address,
                                      (uint64_t)controller_address + controller_bytes - 1);
    }
    return m->engine_error == UC_ERR_OK ? MACHINE_OK : MACHINE_UNICORN;
}
