/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#define PERIPHERAL_BYTES 0x1000u
#define EVENTS_END 0x180u
#define SET 0x4u
#define CLEAR 0x8u
#define EVENT_DEPTH_MAX 8u
#define PPI_CHEN 0x500u
#define PPI_CHANNEL 0x510u
#define PPI_FORK 0x910u

uint32_t *nrf_register(struct machine *m, uint32_t peripheral, uint32_t offset)
{
    return bus_word(m, BUS_PERIPHERAL_ADDRESS + peripheral * PERIPHERAL_BYTES + offset);
}

static void update_line(struct machine *m, uint32_t peripheral)
{
    uint32_t wanted = *nrf_register(m, peripheral, NRF_INTEN);
    bool up = false;

    for (uint32_t bit = 0; wanted >> bit != 0; bit++) {
        up = up || ((wanted >> bit & 1u) != 0 && *nrf_register(m, peripheral, NRF_EVENTS + 4 * bit) != 0);
        if (bit == 31) {
            break;
        }
    }
    nvic_set_line(m, peripheral, up);
}

static bool is_wired(struct machine *m, uint32_t channel, uint32_t address)
{
    return (*nrf_register(m, NRF_PPI, PPI_CHEN) >> channel & 1u) != 0 &&
           *nrf_register(m, NRF_PPI, PPI_CHANNEL + 8 * channel) == address;
}

static void trigger(struct machine *m, uint32_t task)
{
    if (task >= BUS_PERIPHERAL_ADDRESS && task < m->chip->windows[1].end) {
        bus_write(m, task & ~3u, 1);
    }
}

void nrf_event(struct machine *m, uint32_t peripheral, uint32_t offset)
{
    uint32_t address = BUS_PERIPHERAL_ADDRESS + peripheral * PERIPHERAL_BYTES + offset;

    m->bus.storage_used = true;
    *nrf_register(m, peripheral, offset) = 1;
    update_line(m, peripheral);
    if (*nrf_register(m, NRF_PPI, PPI_CHEN) == 0 || m->nrf.event_depth == EVENT_DEPTH_MAX) {
        return;
    }
    m->nrf.event_depth++;
    for (uint32_t channel = 0; channel < m->chip->nrf->ppi_channels; channel++) {
        if (is_wired(m, channel, address)) {
            trigger(m, *nrf_register(m, NRF_PPI, PPI_CHANNEL + 8 * channel + 4));
            if (m->chip->nrf->has_easy_dma) {
                trigger(m, *nrf_register(m, NRF_PPI, PPI_FORK + 4 * channel));
            }
        }
    }
    m->nrf.event_depth--;
}

bool nrf_event_matters(struct machine *m, uint32_t peripheral, uint32_t offset)
{
    uint32_t address = BUS_PERIPHERAL_ADDRESS + peripheral * PERIPHERAL_BYTES + offset;

    bool heard = nvic_is_enabled(m, peripheral) || scb_events_on_pending(m);

    if (heard && (*nrf_register(m, peripheral, NRF_INTEN) >> (offset - NRF_EVENTS) / 4 & 1u) != 0) {
        return true;
    }
    for (uint32_t channel = 0; channel < m->chip->nrf->ppi_channels; channel++) {
        if (is_wired(m, channel, address)) {
            return true;
        }
    }
    return false;
}

/* A register with a set and a clear register behind it. */
static bool write_mask(struct machine *m, uint32_t peripheral, uint32_t base, uint32_t offset, uint32_t value)
{
    uint32_t *word = nrf_register(m, peripheral, base);

    switch (offset - base) {
    case 0:
        *word = value;
        break;
    case SET:
        *word |= value;
        break;
    case CLEAR:
        *word &= ~value;
        break;
    default:
        return false;
    }
    *nrf_register(m, peripheral, base + SET) = *word;
    *nrf_register(m, peripheral, base + CLEAR) = *word;
    return true;
}

bool nrf_write_shared(struct machine *m, uint32_t peripheral, uint32_t offset, uint32_t value)
{
    if (offset >= NRF_EVENTS && offset < EVENTS_END) {
        *nrf_register(m, peripheral, offset) = value != 0;
    } else if (peripheral == NRF_PPI) {
        return write_mask(m, peripheral, PPI_CHEN, offset, value);
    } else if (!write_mask(m, peripheral, NRF_INTEN, offset, value) &&
               !write_mask(m, peripheral, NRF_EVTEN, offset, value)) {
        return false;
    }
    update_line(m, peripheral);
    return true;
}
