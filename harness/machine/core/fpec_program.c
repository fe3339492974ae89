/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Stores: main flash and option bytes. */
#include "fpec_private.h"

#define PROGRAM_BYTES 2u

/* A flash access while BSY waits for the end of the operation (PM0075 2.3.3). */
static void wait_until_idle(struct machine *m, const struct flash_store *store)
{
    if (m->fpec.busy) {
        fpec_misuse(m, MISUSE_BUSY_WRITE, store);
        fpec_complete(m, store->instructions);
    }
}

static bool start_program(struct machine *m, const struct flash_store *store, enum operation_kind kind,
                          uint32_t address, uint16_t old, uint16_t new_)
{
    struct operation operation = {
        .duration_ps = m->config.program_ps,
        .instructions = store->instructions,
        .address = address,
        .pc = store->pc,
        .size_bytes = PROGRAM_BYTES,
        .old = old,
        .new_ = new_,
        .kind = (uint8_t)kind,
    };

    operation_set_start(&operation, clock_fs(m, store->instructions));
    return operation_log_start(m, &operation, NULL);
}

/*
 * Checks that main flash and option bytes share before a store may program; `enable` is PG or OPTPG.
 *
 * PER, MER or OPTER left set from an erase: the manual only says to set PG. By reports from the field the store then programs
 * nothing, and no flag is documented for it; so here.
 */
static bool may_program(struct machine *m, const struct flash_store *store, uint32_t enable)
{
    uint32_t control = *at(m, REGISTER_CR);

    wait_until_idle(m, store);
    if (store->size_bytes != PROGRAM_BYTES || store->address % PROGRAM_BYTES != 0) {
        fpec_misuse(m, (control & enable) != 0 ? MISUSE_WRONG_WIDTH : MISUSE_NOT_ENABLED, store);
        fpec_bus_fault(m, store, "flash takes half-words only");
        return false;
    }
    if ((control & enable) == 0) {
        fpec_misuse(m, MISUSE_NOT_ENABLED, store);
        fpec_bus_fault(m, store, enable == CR_PG ? "PG is clear" : "OPTPG is clear");
        return false;
    }
    if ((control & (CR_PER | CR_MER | CR_OPTER)) != 0) {
        fpec_misuse(m, MISUSE_ERASE_BIT_LEFT_SET, store);
        return false;
    }
    if ((control & CR_OPERATIONS) != enable) {
        fpec_misuse(m, MISUSE_PG_AND_PER, store);
        return false;
    }
    return fpec_has_clock(m, store);
}

void fpec_store_flash(struct machine *m, const struct flash_store *store)
{
    uint32_t offset;
    uint16_t old;
    uint16_t value = (uint16_t)store->value;

    if (!may_program(m, store, CR_PG) || !flash_locate(m, store->address, &offset)) {
        return;
    }
    reads_note(m, m->config.flash_address + offset, PROGRAM_BYTES);
    old = flash_read(m, offset);
    if (fpec_is_protected(m, offset / m->config.page_bytes)) {
        fpec_refuse(m, MISUSE_WRITE_PROTECTED, SR_WRPRTERR, store);
    } else if (old != 0xFFFFu && value != 0) {
        fpec_refuse(m, MISUSE_PROGRAM_NOT_ERASED, SR_PGERR, store);
    } else if (start_program(m, store, OPERATION_PROGRAM, m->config.flash_address + offset, old, value)) {
        flash_write(m, offset, value);
        *at(m, REGISTER_AR) = m->config.flash_address + offset;
        fpec_start(m, store, m->config.program_ps);
    }
}

void fpec_store_option(struct machine *m, const struct flash_store *store)
{
    uint32_t offset = store->address - m->config.option_address;
    uint16_t old;
    uint16_t value;

    if (!may_program(m, store, CR_OPTPG)) {
        return;
    }
    if ((*at(m, REGISTER_CR) & CR_OPTWRE) == 0 || offset >= OPTION_BYTES) {
        fpec_refuse(m, MISUSE_WRITE_PROTECTED, SR_WRPRTERR, store);
        return;
    }
    old = option_bytes_read(m, offset);
    /* The controller takes the low byte and computes its complement (PM0075 2.5.2). */
    value = (uint16_t)((store->value & 0xFFu) | (~store->value & 0xFFu) << 8);
    if (old != 0xFFFFu) {
        fpec_refuse(m, MISUSE_PROGRAM_NOT_ERASED, SR_PGERR, store);
        return;
    }
    if (option_bytes_removes_protection(m, offset, value)) {
        fpec_mass_erase(m, store);
        fpec_complete(m, store->instructions);
    }
    if (!m->ended && start_program(m, store, OPERATION_OPTION_PROGRAM, store->address, old, value)) {
        option_bytes_write(m, offset, value);
        fpec_start(m, store, m->config.program_ps);
    }
}
