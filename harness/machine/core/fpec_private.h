/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the files of the flash controller share: registers, refusals, and the start and end of an operation. */
#ifndef FPEC_PRIVATE_H
#define FPEC_PRIVATE_H

#include "machine.h"

#define REGISTER_ACR 0x00u
#define REGISTER_KEYR 0x04u
#define REGISTER_OPTKEYR 0x08u
#define REGISTER_SR 0x0Cu
#define REGISTER_CR 0x10u
#define REGISTER_AR 0x14u
#define REGISTER_OBR 0x1Cu
#define REGISTER_WRPR 0x20u

#define SR_BSY 0x01u
#define SR_PGERR 0x04u
#define SR_WRPRTERR 0x10u
#define SR_EOP 0x20u
#define SR_FLAGS (SR_PGERR | SR_WRPRTERR | SR_EOP)

#define CR_PG 0x0001u
#define CR_PER 0x0002u
#define CR_MER 0x0004u
#define CR_OPTPG 0x0010u
#define CR_OPTER 0x0020u
#define CR_STRT 0x0040u
#define CR_LOCK 0x0080u
#define CR_OPTWRE 0x0200u
#define CR_ERRIE 0x0400u
#define CR_EOPIE 0x1000u
#define CR_OPERATIONS (CR_PG | CR_PER | CR_MER | CR_OPTPG | CR_OPTER)
#define CR_PLAIN (CR_OPERATIONS | CR_ERRIE | CR_EOPIE)

/* A register as the firmware reads it. */
static inline uint32_t *at(struct machine *m, uint32_t offset)
{
    return &m->fpec.registers[offset / 4];
}

/* A bus fault at `store`: taken, or the end of the boot. */
void fpec_bus_fault(struct machine *m, const struct flash_store *store, const char *why);

/* Record a broken rule. */
void fpec_misuse(struct machine *m, enum misuse_kind kind, const struct flash_store *store);

/* Record a broken rule and set its flag in SR. */
void fpec_refuse(struct machine *m, enum misuse_kind kind, uint32_t flag, const struct flash_store *store);

/* The controller works for `duration_ps` from now on. */
void fpec_start(struct machine *m, const struct flash_store *store, uint64_t duration_ps);

/* Whether the oscillator runs that programs and erases need; records it where it does not. Then nothing happens, and no flag tells. */
bool fpec_has_clock(struct machine *m, const struct flash_store *store);

/* Whether the instruction behind the store of STRT reads SR, which does not show BSY yet. */
bool fpec_is_polled_at_once(const struct machine *m, const struct flash_store *store);

/* Whether the page is write-protected. */
bool fpec_is_protected(const struct machine *m, uint32_t page);

/* Erase the whole array, protected or not. */
void fpec_mass_erase(struct machine *m, const struct flash_store *store);

/* STRT was written. */
void fpec_start_erase(struct machine *m, const struct flash_store *store);

#endif
