/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#define XPSR_THUMB 0x01000000u

static void on_load(uc_engine *engine, uc_mem_type type, uint64_t address, int size_bytes, int64_t value, void *user_data)
{
    struct machine *m = user_data;
    uint32_t status = XPSR_THUMB;
    uint32_t pc = 0;

    (void)type;
    (void)address;
    (void)size_bytes;
    (void)value;
    /* As for stores: a memory hook inside an IT block leaves stale IT bits in the core (Unicorn's issue 2309). */
    uc_reg_write(engine, UC_ARM_REG_EPSR, &status);
    if (!m->ended && (m->fpec.busy || m->nvmc.busy)) {
        uc_reg_read(engine, UC_ARM_REG_PC, &pc);
        m->chip->complete(m, code_retired_at(m, pc));
    }
}

bool busy_reads_watch(struct machine *m)
{
    const struct machine_config *config = &m->config;
    const uint32_t ranges[BUSY_READS_RANGES][2] = {
        {config->flash_address, config->flash_bytes},
        {config->system_address, config->system_bytes},
        {config->flash_alias_address, config->flash_bytes},
    };
    uint32_t count = BUSY_READS_RANGES - (config->flash_alias_address == config->flash_address);

    while (m->busy_reads.count < count) {
        const uint32_t *range = ranges[m->busy_reads.count];

        m->engine_error = uc_hook_add(m->engine, &m->busy_reads.hooks[m->busy_reads.count], UC_HOOK_MEM_READ, (void *)on_load, m,
                                      (uint64_t)range[0], (uint64_t)range[0] + range[1] - 1);
        if (m->engine_error != UC_ERR_OK) {
            return false;
        }
        m->busy_reads.count++;
    }
    m->engine_error = uc_ctl_flush_tb(m->engine); /* code that was translated without a hook does not call it */
    return m->engine_error == UC_ERR_OK;
}

void busy_reads_reset(struct machine *m)
{
    if (m->busy_reads.count == 0) {
        return;
    }
    while (m->busy_reads.count > 0) {
        uc_hook_del(m->engine, m->busy_reads.hooks[--m->busy_reads.count]);
    }
    uc_ctl_flush_tb(m->engine);
}
