/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where the records are: found by function and registers, contents kept once. */
#include "memo_private.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 4096u
#define BYTES_MAX (256u * 1024u * 1024u)
/* A function is given up when it has this many records, and not one shared call for each few of them. */
#define RECORDS_TRIED 256u
#define RECORDS_PER_HIT 4u

struct kept {
    struct kept *next;
    uint64_t hash;
    size_t size_bytes;
    uint8_t content[];
};

struct block {
    struct block *next;
    uint64_t memory[];
};

struct memo_store {
    struct memo_function functions[MEMO_FUNCTIONS_MAX];
    uint32_t function_count;
    struct memo_record *records[BUCKETS];
    struct kept *kept[BUCKETS];
    struct block *blocks;
    struct memo_counts counts;
};

static uint64_t hash_of(uint64_t seed, const void *content, size_t size_bytes)
{
    const uint8_t *bytes = content;
    uint64_t hash = seed ^ size_bytes;

    for (; size_bytes >= sizeof(uint64_t); size_bytes -= sizeof(uint64_t), bytes += sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, bytes, sizeof(word));
        hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 29;
    }
    for (; size_bytes > 0; size_bytes--, bytes++) {
        hash = (hash ^ *bytes) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 29;
    }
    return hash;
}

struct memo_store *memo_store_create(void)
{
    return calloc(1, sizeof(struct memo_store));
}

void memo_store_destroy(struct memo_store *store)
{
    for (uint32_t bucket = 0; bucket < BUCKETS; bucket++) {
        while (store->kept[bucket] != NULL) {
            struct kept *next = store->kept[bucket]->next;

            free(store->kept[bucket]);
            store->kept[bucket] = next;
        }
    }
    while (store->blocks != NULL) {
        struct block *next = store->blocks->next;

        free(store->blocks);
        store->blocks = next;
    }
    free(store);
}

void memo_store_counts(const struct memo_store *store, struct memo_counts *counts)
{
    *counts = store->counts;
}

static void *take(struct memo_store *store, size_t size_bytes)
{
    void *memory = store->counts.bytes + size_bytes > BYTES_MAX ? NULL : calloc(1, size_bytes);

    if (memory != NULL) {
        store->counts.bytes += size_bytes;
    }
    return memory;
}

void *memo_allocate(struct memo_store *store, size_t size_bytes)
{
    struct block *block = take(store, sizeof(*block) + size_bytes);

    if (block == NULL) {
        return NULL;
    }
    block->next = store->blocks;
    store->blocks = block;
    return block->memory;
}

const uint8_t *memo_keep(struct memo_store *store, const uint8_t *content, size_t size_bytes)
{
    uint64_t hash = hash_of(0, content, size_bytes);
    struct kept **bucket = &store->kept[hash % BUCKETS];
    struct kept *kept;

    for (kept = *bucket; kept != NULL; kept = kept->next) {
        if (kept->hash == hash && kept->size_bytes == size_bytes && memcmp(kept->content, content, size_bytes) == 0) {
            return kept->content;
        }
    }
    kept = take(store, sizeof(*kept) + size_bytes);
    if (kept == NULL) {
        return NULL;
    }
    kept->hash = hash;
    kept->size_bytes = size_bytes;
    memcpy(kept->content, content, size_bytes);
    kept->next = *bucket;
    *bucket = kept;
    return kept->content;
}

struct memo_function *memo_function_at(const struct memo_store *store, uint32_t pc)
{
    for (uint32_t index = 0; index < store->function_count; index++) {
        if (store->functions[index].pc == pc) {
            return (struct memo_function *)&store->functions[index];
        }
    }
    return NULL;
}

void memo_propose(struct memo_store *store, uint32_t pc)
{
    if (store->function_count < MEMO_FUNCTIONS_MAX && memo_function_at(store, pc) == NULL) {
        store->functions[store->function_count++] = (struct memo_function){.pc = pc};
        store->counts.functions = store->function_count;
    }
}

bool memo_wants(const struct machine *m, uint32_t pc)
{
    const struct memo_function *function = m->memo.store == NULL ? NULL : memo_function_at(m->memo.store, pc);

    return function != NULL && !function->given_up;
}

/* The machine's cache of blocks must not hide the first block of a function that became known since its last boot. */
void memo_reset(struct machine *m)
{
    struct memo_store *store = m->memo.store;

    m->memo.found = NULL;
    m->memo.return_pc = MEMO_NOTHING;
    while (store != NULL && m->memo.known_functions < store->function_count) {
        code_forget_count(m, store->functions[m->memo.known_functions++].pc);
    }
}

static uint64_t bucket_of(uint32_t pc, const struct memo_state *before)
{
    return hash_of(pc, before->registers, sizeof(before->registers)) % BUCKETS;
}

struct memo_record *memo_first(const struct memo_store *store, uint32_t pc, const struct memo_state *before)
{
    return store->records[bucket_of(pc, before)];
}

void memo_add(struct memo_store *store, struct memo_record *record)
{
    struct memo_record **bucket = &store->records[bucket_of(record->pc, &record->before)];
    struct memo_function *function = memo_function_at(store, record->pc);

    record->next = *bucket;
    *bucket = record;
    store->counts.records++;
    function->records++;
    function->given_up = function->records >= RECORDS_TRIED && function->hits * RECORDS_PER_HIT < function->records;
}

void memo_count_hit(struct memo_store *store, const struct memo_record *record)
{
    memo_function_at(store, record->pc)->hits++;
    store->counts.calls_shared++;
    store->counts.instructions_shared += record->instructions;
}
