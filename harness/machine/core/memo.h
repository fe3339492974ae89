/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Calls that must do the same are made once: shared work by read set.
 *
 *  1. A call is the code from a function's first block until the core is back at the address in its LR, with the same SP.
 *  2. It is shared only where nothing but the core's registers, RAM, flash, the flash controller and a UART that only sends
 *     (`memo_sender.c`) took part in it: no other peripheral, no exception, no event, no broken rule, no instruction that reads or
 *     changes what is not in rule 3.
 *  3. Its record holds all that it can depend on: registers and flags (R12 if an instruction of it names that register), every byte of RAM and every page of flash that it looked
 *     at before it wrote there, SCB, option and factory bytes, the rate of the clock; and of flash controller and transmitter, if it
 *     uses them, their state. It neither begins nor ends while the controller works, so one that does not use it cannot tell what it does.
 *  4. Where a later call finds all of these equal, it executes the same instructions. So its outcome is written down instead:
 *     registers, RAM, flash, operations, instructions, cycles and time; all counts move by the same amounts.
 *  5. A call inside which the boot would end or something would be due is executed.
 *
 * A machine that records (`reads.h`) finds calls worth sharing and writes the records; every machine looks them up. The first boot with an
 * empty store finds them on any machine, so that the first one that records need not. Machines with
 * the same configuration may use one store: in one process one after the other, and at once in processes that were forked after it was made.
 */
#ifndef MEMO_H
#define MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memo_calls.h"

struct machine;
struct memo_record;
struct memo_recorder;
struct memo_store;

#define MEMO_BYTES_MIN (1024u * 1024u)
#define MEMO_NOTHING UINT32_MAX /* no code is at an odd address */

/* What a store did so far: shared calls in this process, the rest in all that share it. Mirrors `MemoCounts` in native.py. */
struct memo_counts {
    uint64_t calls_shared;
    uint64_t instructions_shared;
    uint64_t records;
    uint64_t functions;
    uint64_t bytes;
    uint64_t generations; /* that were begun: all but the last two are given up */
};

/* Of one machine. */
struct memo {
    struct memo_store *store;       /* NULL: every call is executed */
    struct memo_recorder *recorder; /* NULL in a machine that does not record */
    const struct memo_record *found; /* what the stopped core takes over now */
    uint32_t known_functions;       /* of the store's, those whose first block this machine does not keep in its cache */
    uint32_t return_pc;             /* where the innermost call that is being recorded returns to */
    uint64_t disturbances;          /* events that no call may be shared over */
    struct memo_calls calls;        /* under way, where they are followed to find out which are worth it */
    uint32_t saturated;             /* XPSR_Q where calls are being recorded without that flag, which the core had before them */
    bool learns;                    /* a machine that does not record follows calls too, as no function is known */
};

/* Make an empty store of `size_bytes` bytes at most, which processes that are forked from this one share; NULL where memory failed, or for fewer than `MEMO_BYTES_MIN`. */
struct memo_store *memo_store_create(uint64_t size_bytes);
void memo_store_destroy(struct memo_store *store);
void memo_store_counts(const struct memo_store *store, struct memo_counts *counts);

/* Let RAM call back, in a machine that records. Returns MACHINE_OK or a negative `machine_error`. */
int32_t memo_install(struct machine *m);
void memo_release(struct machine *m);

/* Code runs from RAM, or the MPU is used: this boot records no more calls, and RAM becomes memory again. False where Unicorn failed. */
bool memo_stop_recording(struct machine *m);

/* A boot begins, and the one before it ran code from RAM: calls are recorded again. */
void memo_resume_recording(struct machine *m);

/* A boot begins: forget the calls of the last one. */
void memo_reset(struct machine *m);

/* A boot is over: nothing that it found is looked at any more. */
void memo_leave(struct machine *m);

/* Something happened that rule 2 forbids: whatever call is under way is not shared. */
void memo_disturb(struct machine *m);

/* The flash controller is used: a register of it is looked at or written, or a cell of the flash. */
void memo_note_controlling(struct machine *m);

/* The UART's register at `address` is about to be accessed: a call that does more than to send is not shared. */
void memo_sends(struct machine *m, uint32_t address, bool writes);

/* Whether the block at `pc` begins a function whose calls are shared. */
bool memo_wants(const struct machine *m, uint32_t pc);

/* Such a block begins: stop the core if the outcome is known, else record the call if this machine records. */
void memo_enter(struct machine *m, uint32_t pc);

/* A block at `memo.return_pc` begins. */
void memo_return(struct machine *m, uint32_t pc);

/* The core is stopped at a call whose outcome is known. Returns where it goes on. */
uint32_t memo_apply(struct machine *m);

/* In a machine that learns: a block of `size_bytes` begins. */
void memo_learn(struct machine *m, uint32_t pc, uint32_t size_bytes);

/* In a machine that records: a block of `size_bytes` begins; a page was looked at up to byte `end`, or erased. */
void memo_follow(struct machine *m, uint32_t pc, uint32_t size_bytes);
void memo_page_read(struct machine *m, uint32_t page, uint32_t end);
void memo_page_erased(struct machine *m, uint32_t page);

#endif
