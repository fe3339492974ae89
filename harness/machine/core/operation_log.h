/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the flash controller did, in program order. The log is complete: a boot that would overrun it ends with the budget
 * end instead (a firmware that erases in an endless loop).
 */
#ifndef OPERATION_LOG_H
#define OPERATION_LOG_H

#include <stdbool.h>
#include <stdint.h>

struct flash_store;
struct machine;

#define OPERATIONS_MAX 262144u
#define ARENA_BYTES_MAX (64u * 1024u * 1024u)
#define MISUSES_MAX 4096u

/* Mirrors `OperationKind` in protocol.py. */
enum operation_kind {
    OPERATION_PROGRAM = 0,
    OPERATION_PAGE_ERASE = 1,
    OPERATION_MASS_ERASE = 2,
    OPERATION_OPTION_PROGRAM = 3,
    OPERATION_OPTION_ERASE = 4,
    OPERATION_PARTIAL_ERASE = 5,
};

/* Mirrors `MisuseKind` in protocol.py. */
enum misuse_kind {
    MISUSE_PROGRAM_NOT_ERASED = 0,
    MISUSE_WRITE_PROTECTED = 1,
    MISUSE_WRONG_KEY = 2,
    MISUSE_LOCKED = 3,
    MISUSE_WRONG_WIDTH = 4,
    MISUSE_NOT_ENABLED = 5,
    MISUSE_PG_AND_PER = 6,
    MISUSE_ERASE_BIT_LEFT_SET = 7,
    MISUSE_BUSY_WRITE = 8,
    MISUSE_CLOCK_OFF = 9,
    MISUSE_TOO_MANY_WRITES = 10,
    MISUSE_NO_SUCH_PAGE = 11,
};

/* Mirrors `RECORD` in operation_log.py. A program keeps its bytes in `old` and `new_`, an erase its old bytes at
 * `arena_offset`, a partial erase its new ones behind them. */
struct operation {
    uint64_t start_ps;
    uint64_t duration_ps;
    uint64_t instructions;
    uint32_t address;
    uint32_t pc;
    uint32_t arena_offset;
    uint32_t size_bytes;
    uint32_t old;
    uint32_t new_;
    uint8_t kind;
    uint8_t reserved;
    uint16_t start_rest_fs; /* femtoseconds behind `start_ps` */
    uint8_t unused[4];
};

/* Mirrors `_MISUSE` in embedded.py. */
struct misuse {
    uint32_t kind;
    uint32_t address;
    uint32_t pc;
    uint32_t operations;
};

struct operation_log {
    struct operation *operations;
    uint8_t *arena;
    struct misuse *misuses;
    uint8_t *erases;
    struct operation pending;
    uint32_t count;
    uint32_t arena_bytes;
    uint32_t misuse_count;
};

/* The exact start of an operation, since reset. */
uint64_t operation_start_fs(const struct operation *operation);
void operation_set_start(struct operation *operation, uint64_t start_fs);

/* Whether `count` more operations, `erases` of them erases of a page, fit into the log. */
bool operation_log_has_room(const struct machine *m, uint32_t count, uint32_t erases);

/* Forget everything. */
void operation_log_reset(struct machine *m);

/*
 * An operation is about to change its cells: append it, unless the rest of the boot is known (`converge.h`). `old_bytes` is what an erase will destroy, NULL for a program;
 * for a partial erase the new bytes follow.
 * Returns false where the boot ended instead: at `stop_before`, because the log is full, or with the known rest. Then no cell may change.
 */
bool operation_log_start(struct machine *m, struct operation *operation, const uint8_t *old_bytes);

/* Append an operation all the same: its effect is written down, not executed. */
bool operation_log_append(struct machine *m, struct operation *operation, const uint8_t *old_bytes);

/* `operation_log_start` for an erase that `store` begins now. */
bool operation_log_start_erase(struct machine *m, const struct flash_store *store, enum operation_kind kind,
                               uint32_t address, uint32_t size_bytes, const uint8_t *old_bytes, uint64_t duration_ps);

/* Record a broken rule; the first MISUSES_MAX of a boot are kept. */
void operation_log_misuse(struct machine *m, enum misuse_kind kind, uint32_t address, uint32_t pc);

#endif
