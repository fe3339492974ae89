/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Records that are still met when they are about to be given up are copied, with all that they hold. */
#include <string.h>

#include "memo_private.h"

/* A content among those that stay; false where there is no room for it. */
static bool keep(struct machine *m, const uint8_t **content, size_t size_bytes)
{
    if (*content != NULL) {
        *content = memo_keep(m->memo.store, *content, size_bytes);
        return *content != NULL;
    }
    return true;
}

static bool keep_state(struct machine *m, struct memo_state *state)
{
    return keep(m, &state->scb, SCB_BLOCK_BYTES) && keep(m, &state->system, m->config.system_bytes) &&
           keep(m, &state->controller, memo_controller_bytes(m));
}

/* A copy of an array; NULL where there is no room. */
static void *copy_array(struct machine *m, const void *items, uint32_t count, size_t size_bytes)
{
    void *copy = memo_allocate(m->memo.store, count * size_bytes + 1);

    return copy == NULL ? NULL : memcpy(copy, items, count * size_bytes);
}

static struct memo_range *copy_ranges(struct machine *m, const struct memo_range *ranges, uint32_t count)
{
    struct memo_range *copy = copy_array(m, ranges, count, sizeof(*ranges));

    for (uint32_t index = 0; copy != NULL && index < count; index++) {
        if (!keep(m, &copy[index].content, copy[index].size_bytes)) {
            return NULL;
        }
    }
    return copy;
}

static struct memo_page *copy_pages(struct machine *m, const struct memo_record *record)
{
    struct memo_page *copy = copy_array(m, record->pages, record->page_count, sizeof(*copy));
    uint32_t words = m->config.page_bytes / NVMC_WORD_BYTES;

    for (uint32_t index = 0; copy != NULL && index < record->page_count; index++) {
        struct memo_page *page = &copy[index];

        if (!keep(m, &page->before, m->config.page_bytes) || !keep(m, &page->after, m->config.page_bytes) ||
            !keep(m, &page->wear_before.writes, words) || !keep(m, &page->wear_after.writes, words)) {
            return NULL;
        }
    }
    return copy;
}

static struct memo_operation *copy_operations(struct machine *m, const struct memo_record *record)
{
    struct memo_operation *copy = copy_array(m, record->operations, record->operation_count, sizeof(*copy));

    for (uint32_t index = 0; copy != NULL && index < record->operation_count; index++) {
        if (!keep(m, &copy[index].old_bytes, m->config.page_bytes)) {
            return NULL;
        }
    }
    return copy;
}

const struct memo_record *memo_copy(struct machine *m, const struct memo_record *record)
{
    struct memo_record *copy = copy_array(m, record, 1, sizeof(*record));

    if (copy == NULL || !keep_state(m, &copy->before) || !keep_state(m, &copy->after)) {
        return record;
    }
    copy->ram_reads = copy_ranges(m, record->ram_reads, record->ram_read_count);
    copy->ram_writes = copy_ranges(m, record->ram_writes, record->ram_write_count);
    copy->pages = copy_pages(m, record);
    copy->operations = copy_operations(m, record);
    if (copy->ram_reads == NULL || copy->ram_writes == NULL || copy->pages == NULL || copy->operations == NULL ||
        !keep(m, &copy->sent, copy->sent_bytes)) {
        return record;
    }
    memo_publish(m->memo.store, copy);
    return copy;
}
