/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Erases: a page, the whole array, the option bytes. */
#include "fpec_private.h"

#define PAGES_OF_READ_PROTECTION 4u /* PM0075 2.4.1: write-protected while read protection is on */

bool fpec_is_protected(const struct machine *m, uint32_t page)
{
    return ((m->option_bytes.wrpr >> page / m->config.protection_pages) & 1u) == 0 ||
           (option_bytes_read_protected(m) && page < PAGES_OF_READ_PROTECTION);
}

void fpec_mass_erase(struct machine *m, const struct flash_store *store)
{
    if (operation_log_start_erase(m, store, OPERATION_MASS_ERASE, m->config.flash_address, m->config.flash_bytes,
                        m->flash.cells, m->config.mass_erase_ps)) {
        flash_erase(m, 0, m->config.flash_bytes);
        fpec_start(m, store, m->config.mass_erase_ps);
    }
}

static void erase_page(struct machine *m, const struct flash_store *store)
{
    uint32_t offset = *at(m, REGISTER_AR) - m->config.flash_address;
    uint32_t page_bytes = m->config.page_bytes;

    /* The manual does not say what an address outside the array does, its alias included: nothing is erased, it is recorded. */
    if (offset >= m->config.flash_bytes || fpec_is_protected(m, offset / page_bytes)) {
        fpec_refuse(m, MISUSE_WRITE_PROTECTED, SR_WRPRTERR,
                    &(struct flash_store){.address = *at(m, REGISTER_AR), .pc = store->pc});
        return;
    }
    offset -= offset % page_bytes;
    if (operation_log_start_erase(m, store, OPERATION_PAGE_ERASE, m->config.flash_address + offset, page_bytes,
                        m->flash.cells + offset, m->config.page_erase_ps)) {
        flash_erase(m, offset, page_bytes);
        fpec_start(m, store, m->config.page_erase_ps);
    }
}

static void erase_all(struct machine *m, const struct flash_store *store)
{
    for (uint32_t page = 0; page < m->config.flash_bytes / m->config.page_bytes; page++) {
        if (fpec_is_protected(m, page)) {
            fpec_refuse(m, MISUSE_WRITE_PROTECTED, SR_WRPRTERR, store);
            return;
        }
    }
    fpec_mass_erase(m, store);
}

static void erase_option(struct machine *m, const struct flash_store *store)
{
    if ((*at(m, REGISTER_CR) & CR_OPTWRE) == 0) {
        fpec_refuse(m, MISUSE_WRITE_PROTECTED, SR_WRPRTERR, store);
        return;
    }
    if (operation_log_start_erase(m, store, OPERATION_OPTION_ERASE, m->config.option_address, OPTION_BYTES,
                        m->option_bytes.cells, m->config.page_erase_ps)) {
        option_bytes_erase(m);
        fpec_start(m, store, m->config.page_erase_ps);
    }
}

/* More than one operation selected is undefined in the manual, so nothing is done and it is recorded. */
void fpec_start_erase(struct machine *m, const struct flash_store *store)
{
    uint32_t operation = *at(m, REGISTER_CR) & CR_OPERATIONS;

    if ((operation & (CR_PER | CR_MER | CR_OPTER)) != 0 && !fpec_has_clock(m, store)) {
        operation = 0;
    }
    switch (operation) {
    case 0:
    case CR_PG:
    case CR_OPTPG:
        break; /* STRT triggers erases only */
    case CR_PER:
        erase_page(m, store);
        break;
    case CR_MER:
        erase_all(m, store);
        break;
    case CR_OPTER:
        erase_option(m, store);
        break;
    default:
        fpec_misuse(m, MISUSE_PG_AND_PER, store);
        break;
    }
    if (!m->fpec.busy) {
        *at(m, REGISTER_CR) &= ~CR_STRT;
    }
}
