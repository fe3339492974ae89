/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Non-volatile memory controller of the nRF52840 (PS 4.3), and of the nRF51822, which lacks point 4 and the access port.
 *
 *  1. CONFIG.WEN lets aligned 32-bit stores program, CONFIG.EEN lets the erase registers erase; never both.
 *  2. A store ANDs. A word takes n_WRITE stores between two erases; a further one is recorded, and ANDs all the same.
 *  3. A store of another width, or while CONFIG.WEN is clear, is a bus fault. An erase while CONFIG.EEN is clear does nothing.
 *  4. ERASEPAGEPARTIAL erases for ERASEPAGEPARTIALCFG ms; the page is erased when the parts add up to the time of a whole erase.
 *  5. UICR is programmed like flash, and erased by ERASEUICR or together with the flash by ERASEALL.
 *  6. READY is clear for the time of the operation; the core halts when it fetches from flash meanwhile. Cells change at its start.
 *  7. While the access port is closed (UICR.APPROTECT), ERASEUICR does nothing: only ERASEALL opens it again.
 *
 * What a boot starts with: an erased word was never written, any other one once, except where its request says otherwise: counts
 * and parts of an erase outlast boots and cuts (`nvmc_history.c`).
 */
#ifndef NVMC_H
#define NVMC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine;
struct boot_request;
struct boot_result;
struct flash_store;

#define NVMC_BLOCK_BYTES 4096u
#define NVMC_WORD_BYTES 4u

/* An address, and what its cells remember. Mirrors `CellHistory` in native.py. */
struct cell_history {
    uint32_t address;
    uint32_t value;
};

/* What the controller's cells remember besides their bits. */
struct nvmc_page {
    uint32_t erased_ms; /* partial erases so far */
    bool counted;       /* the entries of its words in `writes` are valid */
};

struct nvmc {
    uint32_t *registers; /* what the firmware reads */
    struct nvmc_page *pages;
    uint8_t *writes;        /* one a flash word */
    uint8_t *option_writes; /* one a UICR word */
    struct cell_history *history; /* of the last boot: words, then pages */
    bool busy;
    uint64_t busy_until_fs;
    bool port_closed; /* UICR.APPROTECT, as the last reset found it */
};

/* Registers after a reset; flash and UICR must hold their content. */
void nvmc_reset(struct machine *m, const struct boot_request *request);

/* Size of the buffer for all that cells can remember. */
size_t nvmc_history_bytes(const struct machine *m);

/* What the cells remember at the end of a boot; nothing on a chip without this controller. */
void nvmc_fill_history(const struct machine *m, struct boot_result *result);

/* A store to a register, to flash, or to the block of FICR and UICR. */
void nvmc_write(struct machine *m, const struct flash_store *store);
void nvmc_store_flash(struct machine *m, const struct flash_store *store);
void nvmc_store_option(struct machine *m, const struct flash_store *store);

/* Let time pass for the controller at a block boundary: `pc` in flash stalls, the end of the operation sets READY. */
void nvmc_advance(struct machine *m, uint32_t pc);

/* The operation under way, if any, is over: time passes up to its end. */
void nvmc_complete(struct machine *m, uint64_t instructions);

#endif
