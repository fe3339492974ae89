/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <string.h>

static void changed(struct machine *m, uint32_t page)
{
    code_forget_page(m, page);
    converge_page_changed(m, page);
}

void flash_restore(struct machine *m, const uint8_t *image)
{
    uint32_t page_bytes = m->config.page_bytes;

    for (uint32_t page = 0; page < m->config.flash_bytes / page_bytes; page++) {
        uint8_t *cells = m->flash.cells + page * page_bytes;

        if (memcmp(cells, image + page * page_bytes, page_bytes) != 0) {
            memcpy(cells, image + page * page_bytes, page_bytes);
            changed(m, page);
        }
    }
}

bool flash_locate(const struct machine *m, uint32_t address, uint32_t *offset)
{
    *offset = address - m->config.flash_address;
    if (*offset >= m->config.flash_bytes) {
        *offset = address - m->config.flash_alias_address;
    }
    return *offset < m->config.flash_bytes;
}

uint16_t flash_read(const struct machine *m, uint32_t offset)
{
    return (uint16_t)(m->flash.cells[offset] | m->flash.cells[offset + 1] << 8);
}

void flash_write(struct machine *m, uint32_t offset, uint16_t value)
{
    m->flash.cells[offset] = (uint8_t)value;
    m->flash.cells[offset + 1] = (uint8_t)(value >> 8);
    changed(m, offset / m->config.page_bytes);
}

void flash_replace(struct machine *m, uint32_t offset, const uint8_t *content, uint32_t size_bytes)
{
    memcpy(m->flash.cells + offset, content, size_bytes);
    changed(m, offset / m->config.page_bytes);
}

void flash_erase(struct machine *m, uint32_t offset, uint32_t size_bytes)
{
    memset(m->flash.cells + offset, 0xFF, size_bytes);
    for (uint32_t done = 0; done < size_bytes; done += m->config.page_bytes) {
        changed(m, (offset + done) / m->config.page_bytes);
        reads_erased(m, offset + done, m->log.count - 1);
    }
}
