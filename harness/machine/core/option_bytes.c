/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <string.h>

#define OFFSET_RDP 0u
#define OFFSET_USER 2u
#define OFFSET_DATA0 4u
#define OFFSET_DATA1 6u
#define OFFSET_WRP0 8u

#define RDP_UNPROTECTED 0xA5u
#define OBR_OPTERR 0x01u
#define OBR_RDPRT 0x02u
#define OBR_WDG_SW 0x04u

/* A byte whose complement does not match counts as 0xFF; that is an error unless both are erased (PM0075 2.5.1). */
static uint32_t load(const uint8_t *cells, uint32_t offset, uint32_t *error)
{
    uint8_t value = cells[offset];
    uint8_t complement = cells[offset + 1];

    if ((value ^ complement) == 0xFF) {
        return value;
    }
    if (value != 0xFF || complement != 0xFF) {
        *error = OBR_OPTERR;
    }
    return 0xFF;
}

void option_bytes_load(struct machine *m, const uint8_t *cells)
{
    struct option_bytes *option = &m->option_bytes;
    uint32_t error = 0;
    uint32_t rdp;

    memmove(option->cells, cells, OPTION_BYTES);
    rdp = load(cells, OFFSET_RDP, &error);
    option->obr = (rdp == RDP_UNPROTECTED ? 0 : OBR_RDPRT) | load(cells, OFFSET_USER, &error) << 2 |
                  load(cells, OFFSET_DATA0, &error) << 10 | load(cells, OFFSET_DATA1, &error) << 18;
    option->wrpr = 0;
    for (uint32_t index = 0; index < 4; index++) {
        option->wrpr |= load(cells, OFFSET_WRP0 + 2 * index, &error) << (8 * index);
    }
    option->obr |= error;
}

bool option_bytes_read_protected(const struct machine *m)
{
    return (m->option_bytes.obr & OBR_RDPRT) != 0;
}

bool option_bytes_hardware_watchdog(const struct machine *m)
{
    return (m->option_bytes.obr & OBR_WDG_SW) == 0;
}

bool option_bytes_removes_protection(const struct machine *m, uint32_t offset, uint16_t value)
{
    return offset == OFFSET_RDP && (value & 0xFFu) == RDP_UNPROTECTED && option_bytes_read_protected(m);
}

uint16_t option_bytes_read(const struct machine *m, uint32_t offset)
{
    return (uint16_t)(m->option_bytes.cells[offset] | m->option_bytes.cells[offset + 1] << 8);
}

void option_bytes_write(struct machine *m, uint32_t offset, uint16_t value)
{
    m->option_bytes.cells[offset] = (uint8_t)value;
    m->option_bytes.cells[offset + 1] = (uint8_t)(value >> 8);
}

void option_bytes_erase(struct machine *m)
{
    memset(m->option_bytes.cells, 0xFF, OPTION_BYTES);
}
