/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <string.h>

void operation_log_reset(struct machine *m)
{
    struct operation_log *log = &m->log;

    memset(log->erases, 0, m->config.flash_bytes / m->config.page_bytes);
    memset(&log->pending, 0, sizeof(log->pending));
    log->count = 0;
    log->arena_bytes = 0;
    log->misuse_count = 0;
}

static void count_erases(struct machine *m, const struct operation *operation)
{
    uint32_t first = (operation->address - m->config.flash_address) / m->config.page_bytes;

    for (uint32_t page = 0; page < operation->size_bytes / m->config.page_bytes; page++) {
        uint8_t *erases = &m->log.erases[first + page];

        *erases += *erases < UINT8_MAX;
    }
}

bool operation_log_start(struct machine *m, struct operation *operation, const uint8_t *old_bytes)
{
    struct operation_log *log = &m->log;
    uint32_t copies = operation->kind == OPERATION_PARTIAL_ERASE ? 2 : 1;
    uint32_t kept_bytes = old_bytes == NULL ? 0 : copies * operation->size_bytes;
    bool stop = log->count == m->stop_before;

    if (log->count == OPERATIONS_MAX || log->arena_bytes + kept_bytes > ARENA_BYTES_MAX) {
        machine_end(m, END_BUDGET, operation->pc, operation->instructions, "operation log full: %u operations",
                    log->count);
        return false;
    }
    if (old_bytes != NULL) {
        operation->arena_offset = log->arena_bytes;
        memcpy(log->arena + log->arena_bytes, old_bytes, kept_bytes);
        log->arena_bytes += kept_bytes;
    }
    if (stop) {
        log->pending = *operation;
        machine_end(m, END_STOPPED, operation->pc, operation->instructions, "before operation %u", log->count);
        return false;
    }
    log->operations[log->count++] = *operation;
    if (operation->kind == OPERATION_PAGE_ERASE || operation->kind == OPERATION_MASS_ERASE) {
        count_erases(m, operation);
    }
    return true;
}

void operation_log_misuse(struct machine *m, enum misuse_kind kind, uint32_t address, uint32_t pc)
{
    struct operation_log *log = &m->log;

    if (log->misuse_count < MISUSES_MAX) {
        log->misuses[log->misuse_count++] = (struct misuse){kind, address, pc, log->count};
    }
}

bool operation_log_start_erase(struct machine *m, const struct flash_store *store, enum operation_kind kind,
                               uint32_t address, uint32_t size_bytes, const uint8_t *old_bytes, uint64_t duration_ps)
{
    struct operation operation = {
        .start_ps = clock_fs(m, store->instructions) / FEMTOSECONDS_PER_PICOSECOND,
        .duration_ps = duration_ps,
        .instructions = store->instructions,
        .address = address,
        .pc = store->pc,
        .size_bytes = size_bytes,
        .kind = (uint8_t)kind,
    };

    return operation_log_start(m, &operation, old_bytes);
}
