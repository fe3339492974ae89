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

uint64_t operation_start_fs(const struct operation *operation)
{
    return operation->start_ps * FEMTOSECONDS_PER_PICOSECOND + operation->start_rest_fs;
}

void operation_set_start(struct operation *operation, uint64_t start_fs)
{
    operation->start_ps = start_fs / FEMTOSECONDS_PER_PICOSECOND;
    operation->start_rest_fs = (uint16_t)(start_fs % FEMTOSECONDS_PER_PICOSECOND);
}

bool operation_log_has_room(const struct machine *m, uint32_t count, uint32_t erases)
{
    return count <= OPERATIONS_MAX - m->log.count &&
           (uint64_t)erases * m->config.page_bytes <= ARENA_BYTES_MAX - m->log.arena_bytes;
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
    return !converge_before(m, operation) && operation_log_append(m, operation, old_bytes);
}

bool operation_log_append(struct machine *m, struct operation *operation, const uint8_t *old_bytes)
{
    struct operation_log *log = &m->log;
    uint32_t copies = operation->kind == OPERATION_PARTIAL_ERASE ? 2 : 1;
    uint32_t kept_bytes = old_bytes == NULL ? 0 : copies * operation->size_bytes;
    bool stop = log->count == m->stop_before;

    if (operation->kind != OPERATION_PROGRAM && operation->kind != OPERATION_PAGE_ERASE) {
        memo_disturb(m);
    }

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
    call_stack_keep(m, log->count, operation->pc);
    log->operations[log->count++] = *operation;
    if (operation->kind == OPERATION_PAGE_ERASE || operation->kind == OPERATION_MASS_ERASE) {
        count_erases(m, operation);
    }
    return true;
}

void operation_log_misuse(struct machine *m, enum misuse_kind kind, uint32_t address, uint32_t pc)
{
    struct operation_log *log = &m->log;

    memo_disturb(m);
    if (log->misuse_count < MISUSES_MAX) {
        log->misuses[log->misuse_count++] = (struct misuse){kind, address, pc, log->count};
    }
}

bool operation_log_start_erase(struct machine *m, const struct flash_store *store, enum operation_kind kind,
                               uint32_t address, uint32_t size_bytes, const uint8_t *old_bytes, uint64_t duration_ps)
{
    struct operation operation = {
        .duration_ps = duration_ps,
        .instructions = store->instructions,
        .address = address,
        .pc = store->pc,
        .size_bytes = size_bytes,
        .kind = (uint8_t)kind,
    };

    operation_set_start(&operation, clock_fs(m, store->instructions));
    return operation_log_start(m, &operation, old_bytes);
}
