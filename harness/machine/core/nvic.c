/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <string.h>

#define NVIC_ISER 0x000u
#define NVIC_ICER 0x080u
#define NVIC_ISPR 0x100u
#define NVIC_ICPR 0x180u
#define NVIC_IABR 0x200u
#define NVIC_IPR 0x300u
#define NVIC_BANK_BYTES 0x80u

static uint32_t bit(uint32_t interrupt)
{
    return UINT32_C(1) << interrupt % 32;
}

/* Interrupts that the chip has, among the 32 of a word. */
static uint32_t implemented(const struct machine *m, uint32_t index)
{
    uint32_t first = 32 * index;

    if (m->chip->interrupts >= first + 32) {
        return UINT32_MAX;
    }
    return m->chip->interrupts <= first ? 0 : bit(m->chip->interrupts) - 1;
}

void nvic_reset(struct machine *m)
{
    memset(&m->nvic, 0, sizeof(m->nvic));
}

static uint32_t *bank(struct nvic *nvic, uint32_t offset)
{
    if (offset < NVIC_ISPR) {
        return nvic->enabled;
    }
    return offset < NVIC_IABR ? nvic->pending : nvic->active;
}

bool nvic_read(const struct machine *m, uint32_t offset, uint32_t *value)
{
    uint32_t index = offset % NVIC_BANK_BYTES / 4;

    *value = 0;
    if (offset >= NVIC_IPR) {
        uint32_t first = offset - NVIC_IPR;

        if (first < NVIC_INTERRUPTS_MAX) {
            memcpy(value, m->nvic.priority + first, sizeof(*value));
        }
        return true;
    }
    if (index < NVIC_WORDS && offset < NVIC_IABR + NVIC_BANK_BYTES) {
        *value = bank((struct nvic *)(uintptr_t)&m->nvic, offset)[index];
    }
    return true;
}

static void write_priorities(struct machine *m, uint32_t first, uint32_t value, uint32_t mask)
{
    for (uint32_t index = 0; index < 4 && first + index < m->chip->interrupts; index++) {
        if ((mask >> (8 * index) & 0xFFu) != 0) {
            m->nvic.priority[first + index] = (uint8_t)(value >> (8 * index)) & m->chip->priority_mask;
        }
    }
}

static void changed(struct machine *m)
{
    m->chip->run_events(m);
    exception_changed(m);
}

bool nvic_write(struct machine *m, uint32_t offset, uint32_t value, uint32_t mask)
{
    uint32_t index = offset % NVIC_BANK_BYTES / 4;
    struct nvic *nvic = &m->nvic;

    if (offset >= NVIC_IPR) {
        write_priorities(m, offset - NVIC_IPR, value, mask);
    } else if (index < NVIC_WORDS) {
        value &= implemented(m, index);
        if (offset < NVIC_ICER) {
            nvic->enabled[index] |= value;
        } else if (offset < NVIC_ISPR) {
            nvic->enabled[index] &= ~value;
        } else if (offset < NVIC_ICPR) {
            nvic->pending[index] |= value;
        } else if (offset < NVIC_IABR) {
            nvic->pending[index] &= ~(value & ~(nvic->lines[index] & ~nvic->active[index]));
        }
    }
    changed(m);
    return true;
}

void nvic_trigger(struct machine *m, uint32_t interrupt)
{
    if (interrupt < m->chip->interrupts) {
        m->nvic.pending[interrupt / 32] |= bit(interrupt);
        exception_changed(m);
    }
}

void nvic_set_line(struct machine *m, uint32_t interrupt, bool up)
{
    uint32_t *lines = &m->nvic.lines[interrupt / 32];

    if (up && (*lines & bit(interrupt)) == 0) {
        *lines |= bit(interrupt);
        m->nvic.pending[interrupt / 32] |= bit(interrupt);
        exception_changed(m);
    } else if (!up) {
        *lines &= ~bit(interrupt);
    }
}

void nvic_enter(struct machine *m, uint32_t interrupt)
{
    m->nvic.pending[interrupt / 32] &= ~bit(interrupt);
    m->nvic.active[interrupt / 32] |= bit(interrupt);
}

void nvic_leave(struct machine *m, uint32_t interrupt)
{
    m->nvic.active[interrupt / 32] &= ~bit(interrupt);
    m->nvic.pending[interrupt / 32] |= m->nvic.lines[interrupt / 32] & bit(interrupt);
}

bool nvic_any(const struct machine *m)
{
    return ((m->nvic.enabled[0] & m->nvic.pending[0]) | (m->nvic.enabled[1] & m->nvic.pending[1])) != 0;
}

bool nvic_line(const struct machine *m, uint32_t interrupt)
{
    return (m->nvic.lines[interrupt / 32] & bit(interrupt)) != 0;
}

bool nvic_is_enabled(const struct machine *m, uint32_t interrupt)
{
    return (m->nvic.enabled[interrupt / 32] & bit(interrupt)) != 0;
}

bool nvic_due(const struct machine *m, uint32_t interrupt)
{
    return (m->nvic.enabled[interrupt / 32] & m->nvic.pending[interrupt / 32] & bit(interrupt)) != 0;
}
