/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the files of the flash controller share. */
#ifndef NVMC_PRIVATE_H
#define NVMC_PRIVATE_H

#include "machine.h"

#define REGISTER_READY 0x400u
#define REGISTER_READYNEXT 0x408u
#define REGISTER_CONFIG 0x504u
#define REGISTER_ERASEPAGE 0x508u
#define REGISTER_ERASEALL 0x50Cu
#define REGISTER_ERASEPCR0 0x510u
#define REGISTER_ERASEUICR 0x514u
#define REGISTER_ERASEPAGEPARTIAL 0x518u
#define REGISTER_ERASEPAGEPARTIALCFG 0x51Cu

#define CONFIG_READ 0u
#define CONFIG_WRITE 1u
#define CONFIG_ERASE 2u

#define PICOSECONDS_PER_MILLISECOND 1000000000u

static inline uint32_t *nvmc_register(struct machine *m, uint32_t offset)
{
    return &m->nvmc.registers[offset / 4];
}

/* Record a broken rule. */
void nvmc_misuse(struct machine *m, enum misuse_kind kind, const struct flash_store *store);

/* The controller works for `duration_ps` from now on. */
void nvmc_start(struct machine *m, const struct flash_store *store, uint64_t duration_ps);

/* Start with what the cells remember. */
void nvmc_take_history(struct machine *m, const struct boot_request *request);

/* Make the counts of a page valid. */
void nvmc_count_page(struct machine *m, uint32_t page);

/* The words of a page, or of UICR, are as if never written. */
void nvmc_forget_writes(struct machine *m, uint32_t page);
void nvmc_forget_option_writes(struct machine *m);

/* Start an erase that a register asks for. */
void nvmc_erase(struct machine *m, const struct flash_store *store, uint32_t offset);

#endif
