/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Boots that come together go on together: where a boot is in a state that an earlier one was in, the rest is written down.
 *
 *  1. A boot is looked at where boots come together: right before an erase, right before the first operation of a boot or behind
 *     an erase, and after a shared call that made operations.
 *  2. A state is everything that what follows can depend on: the whole core as Unicorn keeps it, RAM, flash with what its cells
 *     remember, option and factory bytes, the flash controller, SCB, NVIC, MPU, and every peripheral; never a cache of this program.
 *  3. Time is no part of it: a state is looked at only while nothing is due, counts or is under way. So what follows takes as long
 *     wherever it begins, to the femtosecond.
 *  4. Where two states are equal, induction over the instructions gives the same rest: operations, entries, output, end. All counts
 *     and times move by the same amounts.
 *  5. First the program counter and the flash are compared, which costs next to nothing; only a boot that meets both again is looked
 *     at in full, and its state kept, as a digest of 128 bits. So the third boot of a kind is the first that is cut short.
 *  6. A rest in which the boot would end for want of budget, or that a reset of the chip's own ends, is executed.
 *
 * Machines with the same configuration may use one store, one after the other. A machine that records executes everything.
 */
#ifndef CONVERGE_H
#define CONVERGE_H

#include <stdbool.h>
#include <stdint.h>
#include <unicorn/unicorn.h>

struct boot_request;
struct converge_rest;
struct converge_store;
struct machine;
struct operation;

#define CONVERGE_STATES_MAX 64u /* that are kept of one boot */

/* What a store did so far. Mirrors `ConvergeCounts` in native.py. */
struct converge_counts {
    uint64_t boots;        /* cut short */
    uint64_t instructions; /* not executed for that */
    uint64_t looks;        /* at a program counter and the flash */
    uint64_t states;       /* digested in full */
    uint64_t kept;         /* of them, known with what follows */
    uint64_t bytes;
};

/* 128 bits over some bytes. */
struct converge_digest {
    uint64_t low;
    uint64_t high;
};

/* Of one machine. */
struct converge {
    struct converge_store *store;  /* NULL: nothing is cut short */
    struct converge_digest *pages; /* of each flash page */
    bool *changed;                 /* the page, since its digest was made */
    struct converge_digest flash;  /* sum over the pages */
    uc_context *core;              /* room for what Unicorn keeps of the core */
    uint64_t seed;
    bool looks;                    /* this boot is looked at */
    bool erased;                   /* the last operation was an erase, or there was none */
    struct converge_rest *rest;    /* of this boot, behind the first of its states that is kept */
};

/* Make an empty store; NULL where memory failed. */
struct converge_store *converge_store_create(void);
void converge_store_destroy(struct converge_store *store);
void converge_store_counts(const struct converge_store *store, struct converge_counts *counts);

int32_t converge_install(struct machine *m);
void converge_release(struct machine *m);

/* A boot begins; a boot is over, and what it did is known. */
void converge_reset(struct machine *m, const struct boot_request *request);
void converge_finish(struct machine *m);

/* A page of the flash was changed. */
void converge_page_changed(struct machine *m, uint32_t page);

/* An operation is about to start. True where the rest of the boot was written down instead, and the boot has ended. */
bool converge_before(struct machine *m, const struct operation *operation);

/* A shared call that made operations was written down, and the core goes on at `pc`. */
void converge_after_call(struct machine *m, uint32_t pc);

#endif
