/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#define REGISTER_CSR 0x0u
#define REGISTER_RVR 0x4u
#define REGISTER_CVR 0x8u
#define REGISTER_CALIB 0xCu

#define CSR_ENABLE 0x1u
#define CSR_TICKINT 0x2u
#define CSR_CLKSOURCE 0x4u
#define CSR_COUNTFLAG 0x10000u
#define COUNTER_MASK 0xFFFFFFu
#define SLOW_DIVISOR 8u

static uint64_t divisor(const struct machine *m)
{
    return (m->systick.control & CSR_CLKSOURCE) != 0 ? 1 : SLOW_DIVISOR;
}

static bool counting(const struct machine *m)
{
    return (m->systick.control & CSR_ENABLE) != 0 && (m->systick.frozen != 0 || m->systick.reload != 0);
}

bool systick_enabled(const struct machine *m)
{
    return (m->systick.control & CSR_ENABLE) != 0;
}

/* With a reload value of 0 the counter reaches 0 once and stays there. */
void systick_advance(struct machine *m, uint64_t instructions)
{
    struct systick *systick = &m->systick;
    uint64_t now = clock_cycles(m, instructions);
    uint64_t period = ((uint64_t)systick->reload + 1) * divisor(m);

    if (!counting(m) || now < systick->zero_cycle) {
        return;
    }
    systick->counted = true;
    if ((systick->control & CSR_TICKINT) != 0) {
        exception_pend(m, EXCEPTION_SYSTICK);
    }
    systick->frozen = systick->reload;
    systick->zero_cycle += ((now - systick->zero_cycle) / period + 1) * period;
    machine_schedule(m);
}

static uint32_t current(struct machine *m)
{
    uint64_t now = clock_cycles(m, m->instructions);
    uint64_t left;

    if (!counting(m)) {
        return m->systick.frozen;
    }
    left = (m->systick.zero_cycle - now) / divisor(m);
    return left > m->systick.reload ? 0 : (uint32_t)left; /* the tick between reaching 0 and reloading */
}

static void start(struct machine *m, uint32_t value)
{
    uint64_t ticks = value != 0 ? value : (uint64_t)m->systick.reload + 1;

    m->systick.frozen = value != 0 ? value : m->systick.reload;
    m->systick.zero_cycle = clock_cycles(m, m->instructions) + ticks * divisor(m);
    machine_schedule(m);
}

void systick_reset(struct machine *m)
{
    m->systick = (struct systick){0};
}

uint32_t systick_read(struct machine *m, uint32_t offset)
{
    uint32_t value;

    systick_advance(m, m->instructions);
    switch (offset) {
    case REGISTER_CSR:
        value = m->systick.control | (m->systick.counted ? CSR_COUNTFLAG : 0);
        m->systick.counted = false;
        return value;
    case REGISTER_RVR:
        return m->systick.reload;
    case REGISTER_CVR:
        return current(m);
    case REGISTER_CALIB:
        return m->chip->systick_calibration;
    default:
        return 0;
    }
}

static void write_control(struct machine *m, uint32_t value)
{
    uint32_t left = current(m);

    m->systick.control = value & (CSR_ENABLE | CSR_TICKINT | CSR_CLKSOURCE);
    start(m, left);
    if ((value & CSR_ENABLE) == 0) {
        m->systick.frozen = left;
    }
}

void systick_write(struct machine *m, uint32_t offset, uint32_t value)
{
    systick_advance(m, m->instructions);
    switch (offset) {
    case REGISTER_CSR:
        write_control(m, value);
        break;
    case REGISTER_RVR: {
        uint32_t left = current(m);

        m->systick.reload = value & COUNTER_MASK;
        if (left == 0) {
            start(m, 0);
            m->systick.frozen = 0;
        }
        break;
    }
    case REGISTER_CVR:
        m->systick.counted = false;
        start(m, 0);
        m->systick.frozen = 0;
        break;
    default:
        break;
    }
}

bool systick_next_interrupt(const struct machine *m, uint64_t *cycle)
{
    *cycle = m->systick.zero_cycle;
    return counting(m) && (m->systick.control & CSR_TICKINT) != 0;
}
