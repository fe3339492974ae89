/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef DOMAIN_H
#define DOMAIN_H

#include <stdint.h>

struct machine;

#define DOMAIN_MAX 16
#define DOMAIN_NONE (-1)
#define DOMAIN_ENTRIES_MAX 65536u

/* A range of addresses that code may run in. */
struct domain {
    uint32_t address;
    uint32_t size_bytes;
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

struct domain_log {
    struct domain_entry *entries;
    uint32_t count;
    int32_t current;
};

/* Forget the entries and make the next block an entry. */
void domain_reset(struct machine *m);

/* Index of the domain of `pc`; the alias counts as the main range. */
int32_t domain_of(const struct machine *m, uint32_t pc);

/* Record a change of domain if `pc` is one, and cache the range around `pc` in which none can happen. */
void domain_cross(struct machine *m, uint32_t pc);

#endif
