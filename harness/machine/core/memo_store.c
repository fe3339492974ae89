/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Where the records are: found by function and registers, contents kept once.
 *
 *  1. All of it is in one block of memory that processes share which are forked after it was made, at the same addresses in each.
 *  2. What is kept is written before it is published by one atomic exchange, and neither changes nor moves afterwards. So there are no locks,
 *     and a process that dies in the middle leaves nothing that another one could trip over, only some bytes that nobody finds.
 *  3. Two that keep the same at once both do: then there are two of it, which say the same.
 *  4. Only the counts of shared calls are a process's own.
 */
#define _DEFAULT_SOURCE 1 /* anonymous mappings */

#include "memo_private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BUCKETS 4096u
/* Of addresses: memory is taken as it is written. A sweep of 429,041 cuts of an update in place had filled a quarter of it at half its way. */
#define BYTES_MAX (1024u * 1024u * 1024u)
#define ALIGNMENT 16u
/* A function is given up when it has this many records, and not one shared call for each few of them. */
#define RECORDS_TRIED 256u
#define RECORDS_PER_HIT 4u

struct kept {
    struct kept *next;
    uint64_t hash;
    size_t size_bytes;
    uint8_t content[];
};

/* At the beginning of the block. */
struct shared {
    struct memo_function functions[MEMO_FUNCTIONS_MAX];
    _Atomic(struct memo_record *) records[BUCKETS];
    _Atomic(struct kept *) kept[BUCKETS];
    _Atomic uint32_t function_count;
    _Atomic uint64_t record_count;
    _Atomic uint64_t used_bytes;
};

struct memo_store {
    struct shared *shared;
    uint64_t calls_shared;
    uint64_t instructions_shared;
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
    struct memo_store *store = calloc(1, sizeof(*store));
    void *block = store == NULL ? MAP_FAILED
                                : mmap(NULL, BYTES_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (block == MAP_FAILED) {
        free(store);
        return NULL;
    }
    store->shared = block;
    atomic_store(&store->shared->used_bytes, sizeof(struct shared));
    return store;
}

void memo_store_destroy(struct memo_store *store)
{
    munmap(store->shared, BYTES_MAX);
    free(store);
}

void memo_store_counts(const struct memo_store *store, struct memo_counts *counts)
{
    *counts = (struct memo_counts){
        .calls_shared = store->calls_shared,
        .instructions_shared = store->instructions_shared,
        .records = atomic_load(&store->shared->record_count),
        .functions = atomic_load(&store->shared->function_count),
        .bytes = atomic_load(&store->shared->used_bytes),
    };
}

void *memo_allocate(struct memo_store *store, size_t size_bytes)
{
    uint64_t needed = (size_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    uint64_t offset = atomic_load(&store->shared->used_bytes);

    do {
        if (needed > BYTES_MAX - offset) {
            return NULL;
        }
    } while (!atomic_compare_exchange_weak(&store->shared->used_bytes, &offset, offset + needed));
    return (uint8_t *)store->shared + offset;
}

const uint8_t *memo_keep(struct memo_store *store, const uint8_t *content, size_t size_bytes)
{
    uint64_t hash = hash_of(0, content, size_bytes);
    _Atomic(struct kept *) *bucket = &store->shared->kept[hash % BUCKETS];
    struct kept *kept;

    for (kept = atomic_load(bucket); kept != NULL; kept = kept->next) {
        if (kept->hash == hash && kept->size_bytes == size_bytes && memcmp(kept->content, content, size_bytes) == 0) {
            return kept->content;
        }
    }
    kept = memo_allocate(store, sizeof(*kept) + size_bytes);
    if (kept == NULL) {
        return NULL;
    }
    kept->hash = hash;
    kept->size_bytes = size_bytes;
    memcpy(kept->content, content, size_bytes);
    kept->next = atomic_load(bucket);
    while (!atomic_compare_exchange_weak(bucket, &kept->next, kept)) {
    }
    return kept->content;
}

static struct memo_function *function_at(const struct memo_store *store, uint32_t pc)
{
    uint32_t count = atomic_load(&store->shared->function_count);

    for (uint32_t index = 0; index < count; index++) {
        if (atomic_load(&store->shared->functions[index].pc) == pc) {
            return &store->shared->functions[index];
        }
    }
    return NULL;
}

void memo_propose(struct memo_store *store, uint32_t pc)
{
    for (uint32_t index = 0; index < MEMO_FUNCTIONS_MAX && pc != 0; index++) { /* at 0 there are vectors, or nothing */
        uint32_t taken = 0;

        if (atomic_compare_exchange_strong(&store->shared->functions[index].pc, &taken, pc)) {
            atomic_fetch_add(&store->shared->function_count, 1); /* all places before this one are taken */
            return;
        }
        if (taken == pc) {
            return;
        }
    }
}

bool memo_wants(const struct machine *m, uint32_t pc)
{
    struct memo_function *function = m->memo.store == NULL ? NULL : function_at(m->memo.store, pc);

    return function != NULL && !atomic_load(&function->given_up);
}

/* The machine's cache of blocks must not hide the first block of a function that became known since its last boot. */
void memo_reset(struct machine *m)
{
    struct memo_store *store = m->memo.store;

    m->memo.found = NULL;
    m->memo.return_pc = MEMO_NOTHING;
    while (store != NULL && m->memo.known_functions < atomic_load(&store->shared->function_count)) {
        code_forget_count(m, atomic_load(&store->shared->functions[m->memo.known_functions++].pc));
    }
}

static uint64_t bucket_of(uint32_t pc, const struct memo_state *before)
{
    return hash_of(pc, before->registers, sizeof(before->registers)) % BUCKETS;
}

struct memo_record *memo_first(const struct memo_store *store, uint32_t pc, const struct memo_state *before)
{
    return atomic_load(&store->shared->records[bucket_of(pc, before)]);
}

void memo_add(struct memo_store *store, struct memo_record *record)
{
    _Atomic(struct memo_record *) *bucket = &store->shared->records[bucket_of(record->pc, &record->before)];
    struct memo_function *function = function_at(store, record->pc);
    uint64_t records = atomic_fetch_add(&function->records, 1) + 1;

    record->next = atomic_load(bucket);
    while (!atomic_compare_exchange_weak(bucket, &record->next, record)) {
    }
    atomic_fetch_add(&store->shared->record_count, 1);
    atomic_store(&function->given_up, records >= RECORDS_TRIED && atomic_load(&function->hits) * RECORDS_PER_HIT < records);
}

void memo_count_hit(struct memo_store *store, const struct memo_record *record)
{
    atomic_fetch_add(&function_at(store, record->pc)->hits, 1);
    store->calls_shared++;
    store->instructions_shared += record->instructions;
}
