/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the files of shared work share: records, and the store that keeps them. */
#ifndef MEMO_PRIVATE_H
#define MEMO_PRIVATE_H

#include <stdatomic.h>

#include "machine.h"

#define MEMO_REGISTERS 15u
#define MEMO_XPSR 14u /* of these */
#define XPSR_Q 0x08000000u
#define MEMO_FUNCTIONS_MAX 64u
#define MEMO_INSTRUCTIONS_WORTH 2048u /* a shorter call costs little more than to look it up */

/* The core, the controller and the clock when a call begins or ends. */
struct memo_state {
    uint32_t registers[MEMO_REGISTERS]; /* R0 to R11, SP, LR, XPSR without its Q flag */
    uint32_t core_hz;
    uint32_t wait_states;
    uint32_t oscillator;
    uint32_t port_closed;
    const uint8_t *scb;
    const uint8_t *system;
    uint32_t saturated; /* XPSR_Q or 0: instructions only ever set it, and none of a shared call reads it */
    uint32_t r12;       /* means something only to a call that names it */
    uint32_t fpec_lock; /* from here on: means something only to a call that uses the controller */
    uint32_t fpec_option_lock;
    const uint8_t *controller;
};

/* Bytes of RAM that follow each other. */
struct memo_range {
    uint32_t offset;
    uint32_t size_bytes;
    const uint8_t *content;
};

/* What the cells of a page remember besides their bits (`nvmc.h`). */
struct memo_wear {
    struct nvmc_page page;
    const uint8_t *writes; /* NULL where they are not counted */
};

struct memo_page {
    uint32_t page;
    enum page_use use;
    uint32_t reach;        /* as in `reads.h` */
    uint32_t erased_by;    /* the first operation that erased it, if it was erased first */
    const uint8_t *before; /* content that was looked at; NULL: erased before that */
    const uint8_t *after;  /* NULL: unchanged */
    struct memo_wear wear_before;
    struct memo_wear wear_after;
};

/* Times and counts are since the beginning of the call. */
struct memo_operation {
    struct operation operation;
    uint64_t start_fs;
    const uint8_t *old_bytes; /* of an erase; NULL: whatever the page holds */
};

struct memo_record {
    struct memo_record *next; /* of those with the same registers */
    uint32_t pc;
    uint32_t return_pc;
    struct memo_state before;
    struct memo_state after;
    struct memo_range *ram_reads;
    struct memo_range *ram_writes;
    struct memo_page *pages;
    struct memo_operation *operations;
    uint32_t sharing; /* what its blocks are told by (`code_sharing`), together */
    uint32_t ram_read_count;
    uint32_t ram_write_count;
    uint32_t page_count;
    uint32_t operation_count;
    uint32_t erase_count;
    uint64_t instructions;
    struct cycle_count cycles;
    struct clock clock;
    bool controls; /* it uses the flash controller */
    bool sends;    /* the rest means something only then */
    struct usart_sender sender_before;
    struct usart_sender sender_after;
    const uint8_t *sent;
    uint32_t sent_bytes;
};

/* A function whose calls are looked up, by whatever process shares the store. */
struct memo_function {
    _Atomic uint32_t pc; /* 0: this place is free */
    _Atomic uint64_t records;
    _Atomic uint64_t hits;
    _Atomic bool given_up; /* its calls differ too much */
};

/* Look calls of the function at `pc` up from now on. */
void memo_propose(struct memo_store *store, uint32_t pc);

/* A copy of `size_bytes` bytes that lives longer than the boot under way, one for equal contents; NULL where there is no room. */
const uint8_t *memo_keep(struct memo_store *store, const uint8_t *content, size_t size_bytes);

/* Memory for a record, zeroed, that lives as long; NULL where there is no room. */
void *memo_allocate(struct memo_store *store, size_t size_bytes);

/* The first record of the function at `pc` that begins with these registers; `age` 0: of those that will stay longest, 1: of the ones before. */
struct memo_record *memo_first(const struct memo_store *store, uint32_t age, uint32_t pc, const struct memo_state *before);

/* Let others find a record: one that was just made; or a copy. */
void memo_add(struct memo_store *store, struct memo_record *record);
void memo_publish(struct memo_store *store, struct memo_record *record);

/* A copy of an old record that stays as long as a new one, published; the record itself where there is no room. */
const struct memo_record *memo_copy(struct machine *m, const struct memo_record *record);

/* A boot begins, or is over. */
void memo_store_enter(struct memo_store *store);
void memo_store_leave(struct memo_store *store);

void memo_count_hit(struct memo_store *store, const struct memo_record *record);

/* Read the core's registers, the controller and the clock; nothing is copied that lives in the machine. */
void memo_read_state(struct machine *m, struct memo_state *state);
uint32_t memo_controller_bytes(struct machine *m);

/* Find the record of the call that begins at `pc`; NULL: it must be executed. */
const struct memo_record *memo_find(struct machine *m, uint32_t pc, const struct memo_state *now);

/* Whether the transmitter is in a state, and may be used by a call that is not executed. */
bool memo_same_sender(struct machine *m, const struct usart_sender *before);

/* The calls that are being recorded use the transmitter. */
void memo_note_sending(struct machine *m);

/* Whether a call that used it may end here. */
bool memo_sending_is_settled(const struct machine *m);

/* The calls that are being recorded run code that is told by these bits of `code_sharing`. */
void memo_note_sharing(struct machine *m, uint32_t sharing);

/* Give the core back the Q flag that it had before the calls that are being recorded began: each begins without. */
void memo_show_saturation(struct machine *m);

/* Begin to record a call. */
void memo_begin(struct machine *m, uint32_t pc, const struct memo_state *now);

/* In a machine that records: RAM was looked at, or written. */
void memo_ram_read(struct machine *m, uint32_t offset, uint32_t size_bytes);
void memo_ram_written(struct machine *m, uint32_t offset, uint32_t size_bytes);

#endif
