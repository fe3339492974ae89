/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What cells remember from boot to boot besides their bits: writes since the erase, and how far a page is erased in parts. */
#include "nvmc_private.h"

#include <string.h>

static uint8_t told_by(const uint8_t *cell)
{
    uint32_t word;

    memcpy(&word, cell, sizeof(word));
    return word != UINT32_MAX;
}

void nvmc_count_page(struct machine *m, uint32_t page)
{
    uint32_t start = page * m->config.page_bytes;

    if (m->nvmc.pages[page].counted) {
        return;
    }
    for (uint32_t place = start; place < start + m->config.page_bytes; place += NVMC_WORD_BYTES) {
        m->nvmc.writes[place / NVMC_WORD_BYTES] = told_by(m->flash.cells + place);
    }
    m->nvmc.pages[page].counted = true;
}

void nvmc_take_history(struct machine *m, const struct boot_request *request)
{
    memset(m->nvmc.pages, 0, m->config.flash_bytes / m->config.page_bytes * sizeof(struct nvmc_page));
    for (uint32_t place = 0; place < m->config.option_size_bytes; place += NVMC_WORD_BYTES) {
        m->nvmc.option_writes[place / NVMC_WORD_BYTES] = told_by(m->option_bytes.cells + place);
    }
    for (uint64_t index = 0; index < request->writes_count; index++) {
        const struct cell_history *entry = &request->writes[index];
        uint32_t offset;

        if (flash_locate(m, entry->address, &offset)) {
            nvmc_count_page(m, offset / m->config.page_bytes);
            m->nvmc.writes[offset / NVMC_WORD_BYTES] = (uint8_t)entry->value;
        } else if (entry->address - m->config.option_address < m->config.option_size_bytes) {
            m->nvmc.option_writes[(entry->address - m->config.option_address) / NVMC_WORD_BYTES] = (uint8_t)entry->value;
        }
    }
    for (uint64_t index = 0; index < request->partial_erases_count; index++) {
        const struct cell_history *entry = &request->partial_erases[index];
        uint32_t offset;

        if (flash_locate(m, entry->address, &offset)) {
            m->nvmc.pages[offset / m->config.page_bytes].erased_ms = entry->value;
        }
    }
}

static uint32_t pages(const struct machine *m)
{
    return m->config.flash_bytes / m->config.page_bytes;
}

static uint32_t words(const struct machine *m)
{
    return (m->config.flash_bytes + m->config.option_size_bytes) / NVMC_WORD_BYTES;
}

size_t nvmc_history_bytes(const struct machine *m)
{
    return (words(m) + pages(m)) * sizeof(struct cell_history);
}

/* Add the words of a range whose content does not tell their count. */
static uint64_t add_words(const struct machine *m, uint64_t count, uint32_t address, const uint8_t *cells, const uint8_t *writes, uint32_t size_bytes)
{
    for (uint32_t place = 0; place < size_bytes; place += NVMC_WORD_BYTES) {
        if (writes[place / NVMC_WORD_BYTES] != told_by(cells + place)) {
            m->nvmc.history[count++] = (struct cell_history){address + place, writes[place / NVMC_WORD_BYTES]};
        }
    }
    return count;
}

void nvmc_fill_history(const struct machine *m, struct boot_result *result)
{
    const struct machine_config *config = &m->config;
    struct cell_history *partial = m->nvmc.history + words(m);
    uint64_t count = 0;
    uint64_t partial_count = 0;

    if (m->chip->nrf == NULL) {
        return;
    }
    for (uint32_t page = 0; page < pages(m); page++) {
        uint32_t offset = page * config->page_bytes;

        if (m->nvmc.pages[page].counted) {
            count = add_words(m, count, config->flash_address + offset, m->flash.cells + offset, m->nvmc.writes + offset / NVMC_WORD_BYTES,
                              config->page_bytes);
        }
        if (m->nvmc.pages[page].erased_ms != 0) {
            partial[partial_count++] = (struct cell_history){config->flash_address + offset, m->nvmc.pages[page].erased_ms};
        }
    }
    result->writes = m->nvmc.history;
    result->writes_count =
        add_words(m, count, config->option_address, m->option_bytes.cells, m->nvmc.option_writes, config->option_size_bytes);
    result->partial_erases = partial;
    result->partial_erases_count = partial_count;
}
