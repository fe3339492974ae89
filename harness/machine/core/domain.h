/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef DOMAIN_H
#define DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

#define DOMAIN_MAX 16
#define DOMAIN_NONE (-1)
#define DOMAIN_ENTRIES_MAX 65536u

/* A range of addresses that code may run in. */
struct domain {
    uint32_t address;
    uint32_t size_bytes;
    uint64_t settles_after_ps; /* the boot ends this long after the first entry; 0: it goes on */
};

/* The program counter moved into `domain`. Mirrors `_ENTRY` in embedded.py. */
struct domain_entry {
    uint64_t time_ps;
    uint64_t time_low_ps;
    uint64_t time_high_ps;
    uint32_t pc;
    uint32_t operations;
    int32_t domain;
    uint32_t stack_pointer;
};

/* When it was, to the femtosecond. */
struct domain_moment {
    uint64_t fs;
    uint64_t low_fs;
    uint64_t high_fs;
};

struct domain_log {
    struct domain_entry *entries;
    struct domain_moment *moments; /* beside them */
    uint32_t count;
    int32_t current;
    uint64_t settled_fs; /* when the boot ends as settled; 0: no domain that settles was entered */
};

/* Forget the entries and make the next block an entry. */
void domain_reset(struct machine *m);

/* Index of the domain of `pc`; the alias counts as the main range. */
int32_t domain_of(const struct machine *m, uint32_t pc);

/* Whether a domain was entered long enough ago for the boot to end as settled. */
bool domain_settled(const struct machine *m, uint64_t instructions);

/* Append an entry; its times are those of `moment`. There must be room. */
void domain_add(struct machine *m, const struct domain_entry *entry, const struct domain_moment *moment);

/* Record a change of domain if `pc` is one, and cache the range around `pc` in which none can happen. */
void domain_cross(struct machine *m, uint32_t pc);

#endif
