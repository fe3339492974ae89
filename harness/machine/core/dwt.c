/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#define REGISTER_CTRL 0x0u
#define REGISTER_CYCCNT 0x4u
#define CTRL_CYCCNTENA 0x1u
#define CTRL_AFTER_RESET 0x40000000u /* four comparators */

void dwt_reset(struct machine *m)
{
    m->dwt = (struct dwt){.control = CTRL_AFTER_RESET};
}

static bool counts(const struct machine *m)
{
    return (m->dwt.control & CTRL_CYCCNTENA) != 0 && scb_trace_enabled(m);
}

bool dwt_enabled(const struct machine *m)
{
    return (m->dwt.control & CTRL_CYCCNTENA) != 0;
}

static uint32_t count(const struct machine *m, bool counting)
{
    return counting ? (uint32_t)(clock_cycles(m, m->instructions) - m->dwt.start_cycles) : m->dwt.frozen;
}

static void set_count(struct machine *m, uint32_t value)
{
    m->dwt.frozen = value;
    m->dwt.start_cycles = clock_cycles(m, m->instructions) - value;
}

bool dwt_read(const struct machine *m, uint32_t offset, uint32_t *value)
{
    if (offset == REGISTER_CTRL) {
        *value = m->dwt.control;
    } else if (offset == REGISTER_CYCCNT) {
        *value = count(m, counts(m));
    }
    return offset == REGISTER_CTRL || offset == REGISTER_CYCCNT;
}

bool dwt_write(struct machine *m, uint32_t offset, uint32_t value)
{
    if (offset == REGISTER_CTRL) {
        uint32_t current = count(m, counts(m));

        m->dwt.control = CTRL_AFTER_RESET | (value & 0x0FFFFFFFu);
        set_count(m, current);
    } else if (offset == REGISTER_CYCCNT) {
        set_count(m, value);
    }
    return offset == REGISTER_CTRL || offset == REGISTER_CYCCNT;
}

void dwt_trace_enable(struct machine *m, bool was)
{
    set_count(m, count(m, was && (m->dwt.control & CTRL_CYCCNTENA) != 0));
}
