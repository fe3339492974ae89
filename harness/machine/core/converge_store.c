/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which states were met, and where those are whose rest is known. */
#include "converge_private.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 4096u
#define BYTES_MAX ((size_t)256 * 1024 * 1024)
#define SEEN_MAX (1u << 18) /* keys that are remembered, each in one place: a newer one takes an older one's */
#define LOW_FACTOR UINT64_C(0x9E3779B97F4A7C15)
#define HIGH_FACTOR UINT64_C(0xD6E8FEB86659FD93)

struct converge_store {
    struct converge_counts counts;
    struct converge_state *states[BUCKETS];
    struct converge_rest *rests;
    uint64_t seen[SEEN_MAX];
};

static void absorb_word(struct converge_digest *digest, uint64_t word)
{
    digest->low = (digest->low ^ word) * LOW_FACTOR;
    digest->low ^= digest->low >> 29;
    digest->high = (digest->high ^ word) * HIGH_FACTOR;
    digest->high ^= digest->high >> 32;
}

/* Two chains of multiplications that know nothing of each other; each word changes every later state of both. */
struct converge_digest converge_digest_of(struct converge_digest seed, const void *content, size_t size_bytes)
{
    const uint8_t *bytes = content;
    struct converge_digest digest = seed;

    absorb_word(&digest, size_bytes + 1);
    for (; size_bytes >= sizeof(uint64_t); size_bytes -= sizeof(uint64_t), bytes += sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, bytes, sizeof(word));
        absorb_word(&digest, word);
    }
    for (; size_bytes > 0; size_bytes--, bytes++) {
        absorb_word(&digest, *bytes);
    }
    return digest;
}

struct converge_store *converge_store_create(void)
{
    return calloc(1, sizeof(struct converge_store));
}

static void free_rest(struct converge_rest *rest)
{
    for (uint32_t index = 0; index < rest->page_count; index++) {
        free(rest->pages[index].cells);
        free(rest->pages[index].writes);
    }
    free(rest->pages);
    free(rest->operations);
    free(rest->arena);
    free(rest->entries);
    free(rest->moments);
    free(rest->misuses);
    free(rest->output);
    free(rest->ram);
    free(rest);
}

void converge_store_destroy(struct converge_store *store)
{
    while (store->rests != NULL) {
        struct converge_rest *next = store->rests->next;

        free_rest(store->rests);
        store->rests = next;
    }
    free(store);
}

void converge_store_counts(const struct converge_store *store, struct converge_counts *counts)
{
    *counts = store->counts;
}

struct converge_counts *converge_counts_of(struct converge_store *store)
{
    return &store->counts;
}

void *converge_allocate(struct converge_store *store, size_t size_bytes)
{
    void *memory = store->counts.bytes + size_bytes > BYTES_MAX ? NULL : calloc(1, size_bytes);

    if (memory != NULL) {
        store->counts.bytes += size_bytes;
    }
    return memory;
}

void converge_drop_rest(struct converge_store *store, struct converge_rest *rest)
{
    store->counts.bytes -= rest->bytes;
    free_rest(rest);
}

bool converge_seen(struct converge_store *store, uint64_t key)
{
    uint64_t *place = &store->seen[(key >> 32 ^ key) % SEEN_MAX];
    bool seen = *place == key;

    *place = key;
    return seen;
}

const struct converge_state *converge_find(const struct converge_store *store, const struct converge_digest *digest)
{
    const struct converge_state *state = store->states[digest->low % BUCKETS];

    while (state != NULL && (state->digest.low != digest->low || state->digest.high != digest->high)) {
        state = state->next;
    }
    return state;
}

void converge_add(struct converge_store *store, struct converge_rest *rest)
{
    rest->next = store->rests;
    store->rests = rest;
    for (uint32_t index = 0; index < rest->state_count; index++) {
        struct converge_state **bucket = &store->states[rest->states[index].digest.low % BUCKETS];

        rest->states[index].next = *bucket;
        *bucket = &rest->states[index];
    }
    store->counts.kept += rest->state_count;
}
