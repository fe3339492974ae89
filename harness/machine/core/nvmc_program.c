/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Stores: flash and UICR. */
#include "nvmc_private.h"

#include <string.h>

static void refuse(struct machine *m, enum misuse_kind kind, const struct flash_store *store, const char *why)
{
    nvmc_misuse(m, kind, store);
    if (scb_ignores_bus_faults(m)) {
        return;
    }
    fault_raise(m, FAULT_DATA, store->address, store->pc, "bus error: write of %u byte%s at 0x%08X: %s", store->size_bytes,
                store->size_bytes == 1 ? "" : "s", store->address, why);
}

/* Checks that flash and UICR share. That a store without CONFIG.WEN faults is an assumption: the manual says nothing. */
static bool may_program(struct machine *m, const struct flash_store *store)
{
    if (m->nvmc.busy) {
        nvmc_misuse(m, MISUSE_BUSY_WRITE, store);
        nvmc_complete(m, store->instructions);
    }
    if (store->size_bytes != NVMC_WORD_BYTES || store->address % NVMC_WORD_BYTES != 0) {
        refuse(m, MISUSE_WRONG_WIDTH, store, "flash takes aligned words only");
        return false;
    }
    if (*nvmc_register(m, REGISTER_CONFIG) != CONFIG_WRITE) {
        refuse(m, MISUSE_NOT_ENABLED, store, "CONFIG.WEN is clear");
        return false;
    }
    return true;
}

/* Log the program of `value` over the word at `cell`; false where the boot ended instead. */
static bool program(struct machine *m, const struct flash_store *store, enum operation_kind kind, uint32_t address,
                    const uint8_t *cell, uint32_t *value)
{
    struct operation operation = {
        .duration_ps = m->config.program_ps,
        .instructions = store->instructions,
        .address = address,
        .pc = store->pc,
        .size_bytes = NVMC_WORD_BYTES,
        .kind = (uint8_t)kind,
    };

    memcpy(&operation.old, cell, sizeof(operation.old));
    operation.new_ = operation.old & store->value;
    *value = operation.new_;
    operation_set_start(&operation, clock_fs(m, store->instructions));
    return operation_log_start(m, &operation, NULL);
}

static void count_write(struct machine *m, uint8_t *writes, const struct flash_store *store)
{
    if (*writes >= m->config.writes_per_unit) {
        nvmc_misuse(m, MISUSE_TOO_MANY_WRITES, store);
    }
    *writes += *writes < UINT8_MAX;
}

static uint8_t *writes_of(struct machine *m, uint32_t offset)
{
    nvmc_count_page(m, offset / m->config.page_bytes);
    return &m->nvmc.writes[offset / NVMC_WORD_BYTES];
}

void nvmc_store_flash(struct machine *m, const struct flash_store *store)
{
    uint32_t offset;
    uint32_t value;

    if (!may_program(m, store) || !flash_locate(m, store->address, &offset)) {
        return;
    }
    reads_note(m, m->config.flash_address + offset, sizeof(value));
    count_write(m, writes_of(m, offset), store);
    m->nvmc.pages[offset / m->config.page_bytes].erased_ms = 0; /* a partly erased page that is written starts anew */
    if (program(m, store, OPERATION_PROGRAM, store->address, m->flash.cells + offset, &value)) {
        flash_replace(m, offset, (const uint8_t *)&value, sizeof(value));
        nvmc_start(m, store, m->config.program_ps);
    }
}

void nvmc_store_option(struct machine *m, const struct flash_store *store)
{
    uint32_t offset = store->address - m->config.option_address;
    uint32_t value;

    if (!may_program(m, store)) {
        return;
    }
    if (offset >= m->config.option_size_bytes) {
        nvmc_misuse(m, MISUSE_NO_SUCH_PAGE, store); /* FICR, or behind the last register of UICR: nothing is programmed */
        return;
    }
    count_write(m, &m->nvmc.option_writes[offset / NVMC_WORD_BYTES], store);
    if (program(m, store, OPERATION_OPTION_PROGRAM, store->address, m->option_bytes.cells + offset, &value)) {
        memcpy(m->option_bytes.cells + offset, &value, sizeof(value));
        nvmc_start(m, store, m->config.program_ps);
    }
}
