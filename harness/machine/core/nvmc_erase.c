/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Erases: a page, a page in parts, UICR, everything. */
#include "nvmc_private.h"

#include <stdlib.h>
#include <string.h>

#define ERASE_START 1u

void nvmc_forget_writes(struct machine *m, uint32_t page)
{
    uint32_t words = m->config.page_bytes / NVMC_WORD_BYTES;

    memset(m->nvmc.writes + page * words, 0, words);
    m->nvmc.pages[page] = (struct nvmc_page){.counted = true};
}

void nvmc_forget_option_writes(struct machine *m)
{
    memset(m->nvmc.option_writes, 0, m->config.option_size_bytes / NVMC_WORD_BYTES);
}

static void erase_page(struct machine *m, const struct flash_store *store, uint32_t offset, uint64_t duration_ps)
{
    uint32_t page_bytes = m->config.page_bytes;

    if (operation_log_start_erase(m, store, OPERATION_PAGE_ERASE, m->config.flash_address + offset, page_bytes,
                        m->flash.cells + offset, duration_ps)) {
        flash_erase(m, offset, page_bytes);
        nvmc_forget_writes(m, offset / page_bytes);
        nvmc_start(m, store, duration_ps);
    }
}

/*
 * A page that is erased for a part of the time: each cell turns to 1 at its own moment, which a hash of its place decides, so
 * that a longer erase keeps what a shorter one did. Assumption: the manual only says that the page is undefined until then.
 */
static uint8_t partly_erased(uint8_t cell, uint32_t offset, uint32_t done_ms, uint32_t whole_ms)
{
    for (uint32_t bit = 0; bit < 8; bit++) {
        uint64_t state = (uint64_t)offset * 8 + bit;

        if (random_next(&state) % whole_ms < done_ms) {
            cell |= (uint8_t)(1u << bit);
        }
    }
    return cell;
}

static void erase_part(struct machine *m, const struct flash_store *store, uint32_t offset)
{
    uint32_t page_bytes = m->config.page_bytes;
    struct nvmc_page *page = &m->nvmc.pages[offset / page_bytes];
    uint32_t part_ms = *nvmc_register(m, REGISTER_ERASEPAGEPARTIALCFG);
    uint32_t whole_ms = (uint32_t)(m->config.page_erase_ps / PICOSECONDS_PER_MILLISECOND);
    uint64_t duration_ps = (uint64_t)part_ms * PICOSECONDS_PER_MILLISECOND;
    uint32_t done_ms = page->erased_ms + part_ms;
    uint8_t *content;

    reads_note(m, m->config.flash_address + offset, 1); /* what it does depends on the parts before */
    nvmc_count_page(m, offset / page_bytes);
    if (done_ms >= whole_ms) {
        erase_page(m, store, offset, duration_ps);
        return;
    }
    content = malloc(2 * (size_t)page_bytes);
    if (content == NULL) {
        machine_end(m, END_UNSUPPORTED, store->pc, store->instructions, "no memory for a partial erase");
        return;
    }
    memcpy(content, m->flash.cells + offset, page_bytes);
    for (uint32_t index = 0; index < page_bytes; index++) {
        content[page_bytes + index] = partly_erased(content[index], offset + index, done_ms, whole_ms);
    }
    if (operation_log_start_erase(m, store, OPERATION_PARTIAL_ERASE, m->config.flash_address + offset, page_bytes, content, duration_ps)) {
        page->erased_ms = done_ms;
        flash_replace(m, offset, content + page_bytes, page_bytes);
        nvmc_start(m, store, duration_ps);
    }
    free(content);
}

static bool erase_options(struct machine *m, const struct flash_store *store, uint64_t duration_ps)
{
    bool started = operation_log_start_erase(m, store, OPERATION_OPTION_ERASE, m->config.option_address, m->config.option_size_bytes,
                                   m->option_bytes.cells, duration_ps);

    if (started) {
        memset(m->option_bytes.cells, 0xFF, m->config.option_size_bytes);
        nvmc_forget_option_writes(m);
        nvmc_start(m, store, duration_ps);
    }
    return started;
}

/* On the nRF51, ERASEUICR works only once all of the flash is erased (RM, NVMC: ERASEUICR). */
static bool may_erase_options(const struct machine *m)
{
    if (m->chip->nrf->has_access_port) {
        return true;
    }
    for (uint32_t offset = 0; offset < m->config.flash_bytes; offset++) {
        if (m->flash.cells[offset] != 0xFFu) {
            return false;
        }
    }
    return true;
}

/* ERASEALL is one operation of the hardware and two in the log, UICR first: together they take the time of the one. */
static void erase_all(struct machine *m, const struct flash_store *store)
{
    uint64_t page_ps = m->config.page_erase_ps;
    uint64_t options_ps = page_ps < m->config.mass_erase_ps ? page_ps : m->config.mass_erase_ps / 2;
    uint64_t duration_ps = m->config.mass_erase_ps - options_ps;

    if (!erase_options(m, store, options_ps)) {
        return;
    }
    nvmc_complete(m, store->instructions);
    if (operation_log_start_erase(m, store, OPERATION_MASS_ERASE, m->config.flash_address, m->config.flash_bytes, m->flash.cells,
                        duration_ps)) {
        flash_erase(m, 0, m->config.flash_bytes);
        for (uint32_t page = 0; page < m->config.flash_bytes / m->config.page_bytes; page++) {
            nvmc_forget_writes(m, page);
        }
        nvmc_start(m, store, duration_ps);
    }
}

/* The page that a register names; false outside the array, where "the wrong page may be erased" (PS 4.3): none is. */
static bool find_page(struct machine *m, const struct flash_store *store, uint32_t *offset)
{
    uint32_t page_bytes = m->config.page_bytes;

    if (!flash_locate(m, store->value, offset) || *offset % page_bytes != 0) {
        nvmc_misuse(m, MISUSE_NO_SUCH_PAGE, &(struct flash_store){.address = store->value, .pc = store->pc});
        *offset -= *offset % page_bytes;
    }
    return *offset < m->config.flash_bytes;
}

void nvmc_erase(struct machine *m, const struct flash_store *store, uint32_t offset)
{
    uint32_t page;

    if (*nvmc_register(m, REGISTER_CONFIG) != CONFIG_ERASE) {
        nvmc_misuse(m, MISUSE_NOT_ENABLED, store);
        return;
    }
    switch (offset) {
    case REGISTER_ERASEALL:
        if (store->value == ERASE_START) {
            erase_all(m, store);
        }
        break;
    case REGISTER_ERASEUICR:
        if (m->nvmc.port_closed || !may_erase_options(m)) {
            nvmc_misuse(m, MISUSE_WRITE_PROTECTED, store); /* PS, NVMC protection */
        } else if (store->value == ERASE_START) {
            erase_options(m, store, m->config.page_erase_ps);
        }
        break;
    case REGISTER_ERASEPAGEPARTIAL:
        if (find_page(m, store, &page)) {
            erase_part(m, store, page);
        }
        break;
    default: /* ERASEPAGE, and ERASEPCR0 and 1, its old names */
        if (find_page(m, store, &page)) {
            erase_page(m, store, page, m->config.page_erase_ps);
        }
        break;
    }
}
