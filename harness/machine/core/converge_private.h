/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the files of convergence share: states, rests, and the store that keeps them. */
#ifndef CONVERGE_PRIVATE_H
#define CONVERGE_PRIVATE_H

#include "machine.h"

/* How far a boot has come. */
struct converge_place {
    uint64_t instructions;
    struct cycle_count cycles;
    struct clock clock; /* rebased to here */
    struct watch_total watched;
    uint32_t operations;
    uint32_t arena_bytes;
    uint32_t entries;
    uint32_t misuses;
    uint32_t output_bytes;
    uint32_t unmodelled[BUS_UNMODELLED_MAX]; /* counts, in the order of the machine's list */
};

/* A state that a boot was in. */
struct converge_state {
    struct converge_state *next;
    struct converge_digest digest;
    struct converge_place place;
    const struct converge_rest *rest;
};

/* A page of the flash at the end. */
struct converge_page {
    uint32_t page;
    struct nvmc_page wear;
    uint8_t *cells;  /* one page */
    uint8_t *writes; /* a byte a word; NULL where they are not counted */
};

/* What followed a boot's first state that was kept, up to its end. */
struct converge_rest {
    struct converge_rest *next;
    struct converge_state states[CONVERGE_STATES_MAX];
    uint32_t state_count;
    size_t bytes; /* that it takes of the store's memory */
    struct converge_place end_place;
    struct operation *operations;
    uint8_t *arena;
    struct domain_entry *entries;
    struct domain_moment *moments;
    struct misuse *misuses;
    uint8_t *output;
    struct converge_page *pages;
    uint32_t page_count;
    uint8_t *ram;
    struct unmodelled unmodelled[BUS_UNMODELLED_MAX];
    uint32_t unmodelled_count;
    uint64_t watchdog_longest_fs;
    uint64_t watchdog_period_fs;
    uint32_t end;
    uint32_t end_pc;
    char detail[96];
};

struct converge_digest converge_digest_of(struct converge_digest seed, const void *content, size_t size_bytes);

/* Whether this program counter and flash were seen before; they are from now on. */
bool converge_seen(struct converge_store *store, uint64_t key);

/* The state with a digest, NULL if none is kept. */
const struct converge_state *converge_find(const struct converge_store *store, const struct converge_digest *digest);

/* Count what was done, or seen. */
struct converge_counts *converge_counts_of(struct converge_store *store);

/* Memory for rests, zeroed; NULL where it failed or is used up. */
void *converge_allocate(struct converge_store *store, size_t size_bytes);

/* Take a rest into the store with its states; or give up what it takes. */
void converge_add(struct converge_store *store, struct converge_rest *rest);
void converge_drop_rest(struct converge_store *store, struct converge_rest *rest);

/* How far the boot has come after `instructions`. */
void converge_read_place(struct machine *m, uint64_t instructions, struct converge_place *place);

/* Keep what a boot did behind the states of `m->converge.rest`, and these states; or drop both. */
void converge_keep(struct machine *m);
void converge_drop(struct machine *m);

/* Whether the rest behind a state can be written down here, and write it down: the boot ends. */
bool converge_fits(const struct machine *m, uint64_t instructions, const struct converge_state *state);
void converge_write(struct machine *m, uint64_t instructions, const struct converge_state *state);

#endif
