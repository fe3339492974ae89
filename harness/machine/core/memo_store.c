/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Where the records are: found by function and registers, contents kept once, the oldest given up where there is no room.
 *
 *  1. All of it is in one block of memory that processes share which are forked after it was made, at the same addresses in each.
 *  2. What is kept is written before it is published by one atomic exchange, and neither changes nor moves afterwards. So there are no locks,
 *     and a process that dies in the middle leaves nothing that another one could trip over, only some bytes that nobody finds.
 *  3. Two that keep the same at once both do: then there are two of it, which say the same.
 *  4. Only the counts of shared calls are a process's own.
 *  5. The block has three parts, and generation g of the records is in part g % 3. A boot keeps in the newest generation that there was when it
 *     began, and looks up in that and in the one before it. What it finds in the older one it copies (`memo_copy.c`). Nothing of a record
 *     outlives the boot that found it.
 *  6. While it boots, a process shows which generation it began with. Generation g + 1, in the part of g - 2, begins when g has no room left, and no
 *     boot is under way that began before g: so nobody looks where it will be. A process that is about to begin a boot first shows the generation, and
 *     then looks whether it still is the newest: whoever begins another one has seen it, or else it takes that one.
 *  7. A process that dies in the middle of a boot is taken for one that still looks: no generation begins any more, what there is stays, and
 *     calls beyond are executed. A campaign ends then anyhow.
 */
#define _DEFAULT_SOURCE 1 /* anonymous mappings */

#include "memo_private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BUCKETS 4096u
#define PARTS 3u
#define PROCESSES_MAX 1024u
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

/* At the beginning of each part. */
struct generation {
    _Atomic(struct memo_record *) records[BUCKETS];
    _Atomic(struct kept *) kept[BUCKETS];
    _Atomic uint64_t used_bytes; /* 0: nothing is here yet */
};

/* At the beginning of the block. */
struct shared {
    struct memo_function functions[MEMO_FUNCTIONS_MAX];
    _Atomic uint32_t function_count;
    _Atomic uint64_t record_count;
    _Atomic uint32_t newest; /* generation, from 1 */
    _Atomic uint32_t full;   /* the last one that had no room */
    _Atomic bool beginning;  /* a generation: one process at a time */
    _Atomic uint32_t process_count;
    _Atomic uint32_t began[PROCESSES_MAX]; /* with which generation a boot under way did; 0: there is none */
};

struct memo_store {
    struct shared *shared;
    size_t size_bytes;
    pid_t process;       /* whose copy of this structure it is */
    uint32_t place;      /* of that process in `began` */
    uint32_t generation; /* of its boot under way; 0: there is none, or no place was left: nothing is found and nothing kept */
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

static uint64_t aligned(uint64_t size_bytes)
{
    return (size_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static uint64_t part_bytes(const struct memo_store *store)
{
    return (store->size_bytes - aligned(sizeof(struct shared))) / PARTS / ALIGNMENT * ALIGNMENT;
}

static struct generation *generation_at(const struct memo_store *store, uint32_t number)
{
    return (struct generation *)((uint8_t *)store->shared + aligned(sizeof(struct shared)) + number % PARTS * part_bytes(store));
}

static void empty(struct generation *generation)
{
    memset(generation, 0, sizeof(*generation));
    atomic_store(&generation->used_bytes, aligned(sizeof(*generation)));
}

struct memo_store *memo_store_create(uint64_t size_bytes)
{
    struct memo_store *store = calloc(1, sizeof(*store));
    void *block = store == NULL || size_bytes < MEMO_BYTES_MIN
                      ? MAP_FAILED
                      : mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (block == MAP_FAILED) {
        free(store);
        return NULL;
    }
    store->shared = block;
    store->size_bytes = size_bytes;
    empty(generation_at(store, 1));
    atomic_store(&store->shared->newest, 1);
    return store;
}

void memo_store_destroy(struct memo_store *store)
{
    munmap(store->shared, store->size_bytes);
    free(store);
}

void memo_store_counts(const struct memo_store *store, struct memo_counts *counts)
{
    *counts = (struct memo_counts){
        .calls_shared = store->calls_shared,
        .instructions_shared = store->instructions_shared,
        .records = atomic_load(&store->shared->record_count),
        .functions = atomic_load(&store->shared->function_count),
        .generations = atomic_load(&store->shared->newest),
    };
    for (uint32_t part = 0; part < PARTS; part++) {
        counts->bytes += atomic_load(&generation_at(store, part)->used_bytes);
    }
}

static bool nobody_began_before(const struct shared *shared, uint32_t generation)
{
    uint32_t processes = atomic_load(&shared->process_count);

    for (uint32_t place = 0; place < processes && place < PROCESSES_MAX; place++) {
        uint32_t began = atomic_load(&shared->began[place]);

        if (began != 0 && began < generation) {
            return false;
        }
    }
    return true;
}

/* Begin the next generation, unless another process does, or may still look where it would be. */
static void make_room(struct memo_store *store)
{
    struct shared *shared = store->shared;
    uint32_t newest;

    if (atomic_exchange(&shared->beginning, true)) {
        return;
    }
    newest = atomic_load(&shared->newest);
    if (newest == atomic_load(&shared->full) && nobody_began_before(shared, newest)) {
        empty(generation_at(store, newest + 1));
        atomic_store(&shared->newest, newest + 1);
    }
    atomic_store(&shared->beginning, false);
}

static void find_place(struct memo_store *store)
{
    store->process = getpid();
    store->place = atomic_fetch_add(&store->shared->process_count, 1);
}

void memo_store_enter(struct memo_store *store)
{
    struct shared *shared = store->shared;

    if (store->process != getpid()) {
        find_place(store);
    }
    memo_store_leave(store);
    if (store->place >= PROCESSES_MAX) {
        return;
    }
    if (atomic_load(&shared->full) == atomic_load(&shared->newest)) {
        make_room(store);
    }
    do {
        store->generation = atomic_load(&shared->newest);
        atomic_store(&shared->began[store->place], store->generation);
    } while (store->generation != atomic_load(&shared->newest));
}

void memo_store_leave(struct memo_store *store)
{
    store->generation = 0;
    if (store->process == getpid() && store->place < PROCESSES_MAX) {
        atomic_store(&store->shared->began[store->place], 0);
    }
}

void *memo_allocate(struct memo_store *store, size_t size_bytes)
{
    struct generation *generation = generation_at(store, store->generation);
    uint64_t needed = aligned(size_bytes);
    uint64_t offset = atomic_load(&generation->used_bytes);

    if (store->generation == 0) {
        return NULL;
    }
    do {
        if (needed > part_bytes(store) - offset) {
            atomic_store(&store->shared->full, store->generation);
            return NULL;
        }
    } while (!atomic_compare_exchange_weak(&generation->used_bytes, &offset, offset + needed));
    return memset((uint8_t *)generation + offset, 0, size_bytes);
}

const uint8_t *memo_keep(struct memo_store *store, const uint8_t *content, size_t size_bytes)
{
    uint64_t hash = hash_of(0, content, size_bytes);
    _Atomic(struct kept *) *bucket = &generation_at(store, store->generation)->kept[hash % BUCKETS];
    struct kept *kept;

    if (store->generation == 0) {
        return NULL;
    }
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
    m->memo.saturated = 0;
    if (store != NULL) {
        memo_store_enter(store);
        m->memo.calls = (struct memo_calls){0};
        m->memo.learns = m->memo.recorder == NULL && atomic_load(&store->shared->function_count) == 0;
    }
    while (store != NULL && m->memo.known_functions < atomic_load(&store->shared->function_count)) {
        code_forget_count(m, atomic_load(&store->shared->functions[m->memo.known_functions++].pc));
    }
}

void memo_leave(struct machine *m)
{
    if (m->memo.store != NULL) {
        memo_store_leave(m->memo.store);
    }
}

static uint64_t bucket_of(uint32_t pc, const struct memo_state *before)
{
    return hash_of(pc, before->registers, sizeof(before->registers)) % BUCKETS;
}

struct memo_record *memo_first(const struct memo_store *store, uint32_t age, uint32_t pc, const struct memo_state *before)
{
    return store->generation <= age ? NULL : atomic_load(&generation_at(store, store->generation - age)->records[bucket_of(pc, before)]);
}

void memo_publish(struct memo_store *store, struct memo_record *record)
{
    _Atomic(struct memo_record *) *bucket = &generation_at(store, store->generation)->records[bucket_of(record->pc, &record->before)];

    record->next = atomic_load(bucket);
    while (!atomic_compare_exchange_weak(bucket, &record->next, record)) {
    }
}

void memo_add(struct memo_store *store, struct memo_record *record)
{
    struct memo_function *function = function_at(store, record->pc);
    uint64_t records = atomic_fetch_add(&function->records, 1) + 1;

    memo_publish(store, record);
    atomic_fetch_add(&store->shared->record_count, 1);
    atomic_store(&function->given_up, records >= RECORDS_TRIED && atomic_load(&function->hits) * RECORDS_PER_HIT < records);
}

void memo_count_hit(struct memo_store *store, const struct memo_record *record)
{
    atomic_fetch_add(&function_at(store, record->pc)->hits, 1);
    store->calls_shared++;
    store->instructions_shared += record->instructions;
}
