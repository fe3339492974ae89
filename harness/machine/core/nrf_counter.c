/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <string.h>

#define TASK_START 0x00u
#define TASK_STOP 0x04u
#define TASK_COUNT 0x08u /* of a TIMER; CLEAR of an RTC */
#define TASK_CLEAR 0x0Cu /* of a TIMER; TRIGOVRFLW of an RTC */
#define TASK_SHUTDOWN 0x10u
#define TASK_CAPTURE 0x40u
#define EVENT_TICK 0x100u
#define EVENT_OVERFLOW 0x104u
#define EVENT_COMPARE 0x140u
#define SHORT_STOP 8u
#define SHORTED_CLEAR 1u
#define SHORTED_STOP 2u
#define REGISTER_COUNTER 0x504u /* of an RTC; MODE of a TIMER */
#define REGISTER_BITMODE 0x508u /* of a TIMER; PRESCALER of an RTC */
#define REGISTER_PRESCALER 0x510u
#define REGISTER_CC 0x540u
#define OVERFLOW_START 0xFFFFF0u
#define RTC_BITS 24u
#define RTC_TICK_FS 30517578125u
#define TIMER_TICK_FS 62500000u
#define TIMER_PRESCALER_AFTER_RESET 4u
#define RTC_PRESCALER 0xFFFu
#define NEVER UINT64_MAX

static const struct {
    uint32_t peripheral;
    uint32_t compares;
    bool is_rtc;
} kinds[NRF_COUNTERS] = {
    {NRF_TIMER0, 4, false}, {NRF_TIMER1, 4, false}, {NRF_TIMER2, 4, false}, {NRF_TIMER3, 6, false},
    {NRF_TIMER4, 6, false}, {NRF_RTC0, 3, true},    {NRF_RTC1, 4, true},    {NRF_RTC2, 4, true},
};

static uint32_t *at(const struct machine *m, uint32_t index, uint32_t offset)
{
    return nrf_register((struct machine *)(uintptr_t)m, kinds[index].peripheral, offset);
}

bool nrf_counter_find(uint32_t peripheral, uint32_t *index)
{
    for (*index = 0; *index < NRF_COUNTERS; ++*index) {
        if (kinds[*index].peripheral == peripheral) {
            return true;
        }
    }
    return false;
}

static uint64_t tick_fs(const struct machine *m, uint32_t index)
{
    if (kinds[index].is_rtc) {
        return (uint64_t)RTC_TICK_FS * ((*at(m, index, REGISTER_BITMODE) & RTC_PRESCALER) + 1);
    }
    return (uint64_t)TIMER_TICK_FS << (*at(m, index, REGISTER_PRESCALER) & 0xFu);
}

static uint64_t modulus(const struct machine *m, uint32_t index)
{
    static const uint32_t bits[4] = {16, 8, 24, 32};

    return UINT64_C(1) << (kinds[index].is_rtc ? RTC_BITS : bits[*at(m, index, REGISTER_BITMODE) & 3u]);
}

static bool counts(const struct machine *m, uint32_t index)
{
    return m->nrf.counters[index].started && (!kinds[index].is_rtc || m->nrf.low_clock_runs);
}

static uint64_t ticks(const struct machine *m, uint32_t index)
{
    const struct nrf_counter *counter = &m->nrf.counters[index];

    if (!counts(m, index)) {
        return counter->base_ticks;
    }
    return counter->base_ticks + (clock_fs(m, m->instructions) - counter->base_fs) / tick_fs(m, index);
}

static void rebase(struct machine *m, uint32_t index, uint64_t value)
{
    m->nrf.counters[index].base_ticks = value;
    m->nrf.counters[index].base_fs = clock_fs(m, m->instructions);
    m->nrf.counters[index].seen_ticks = value;
}

void nrf_counter_reset(struct machine *m)
{
    memset(m->nrf.counters, 0, sizeof(m->nrf.counters));
    for (uint32_t index = 0; index < NRF_COUNTERS; index++) {
        if (!kinds[index].is_rtc) {
            *at(m, index, REGISTER_PRESCALER) = TIMER_PRESCALER_AFTER_RESET;
        }
    }
}

/* The tick at which the counter next shows `value`. */
static uint64_t next_tick(const struct machine *m, uint32_t index, uint64_t value)
{
    uint64_t seen = m->nrf.counters[index].seen_ticks;
    uint64_t size = modulus(m, index);

    return seen + 1 + (value + size - (seen + 1) % size) % size;
}

static uint64_t compare_tick(const struct machine *m, uint32_t index, uint32_t compare)
{
    return next_tick(m, index, *at(m, index, REGISTER_CC + 4 * compare) % modulus(m, index));
}

void nrf_counter_hold(struct machine *m)
{
    for (uint32_t index = 0; index < NRF_COUNTERS; index++) {
        if (kinds[index].is_rtc) {
            rebase(m, index, ticks(m, index));
        }
    }
}

void nrf_counter_release(struct machine *m)
{
    for (uint32_t index = 0; index < NRF_COUNTERS; index++) {
        if (kinds[index].is_rtc) {
            rebase(m, index, m->nrf.counters[index].base_ticks);
        }
    }
}

static void clear(struct machine *m, uint32_t index)
{
    rebase(m, index, 0);
}

static void stop(struct machine *m, uint32_t index)
{
    rebase(m, index, ticks(m, index));
    m->nrf.counters[index].started = false;
}

void nrf_counter_task(struct machine *m, uint32_t index, uint32_t offset)
{
    bool is_rtc = kinds[index].is_rtc;

    nrf_counter_run(m);
    if (offset == TASK_START) {
        rebase(m, index, ticks(m, index));
        m->nrf.counters[index].started = true;
    } else if (offset == TASK_STOP || (offset == TASK_SHUTDOWN && !is_rtc)) {
        stop(m, index);
    } else if (offset == (is_rtc ? TASK_COUNT : TASK_CLEAR)) {
        clear(m, index);
    } else if (is_rtc && offset == TASK_CLEAR) {
        rebase(m, index, OVERFLOW_START);
    } else if (!is_rtc && offset == TASK_COUNT) {
        rebase(m, index, ticks(m, index) + 1);
    } else if (!is_rtc && offset >= TASK_CAPTURE && offset < TASK_CAPTURE + 4 * kinds[index].compares) {
        *at(m, index, REGISTER_CC + offset - TASK_CAPTURE) = (uint32_t)(ticks(m, index) % modulus(m, index));
    }
    machine_schedule(m);
}

uint32_t nrf_counter_read(struct machine *m, uint32_t index, uint32_t offset)
{
    if (kinds[index].is_rtc && offset == REGISTER_COUNTER) {
        return (uint32_t)(ticks(m, index) % modulus(m, index));
    }
    return *at(m, index, offset);
}

void nrf_counter_write(struct machine *m, uint32_t index, uint32_t offset, uint32_t value)
{
    rebase(m, index, ticks(m, index)); /* at the rate so far */
    if (!kinds[index].is_rtc || offset != REGISTER_COUNTER) {
        *at(m, index, offset) = value;
    }
    machine_schedule(m);
}

static uint32_t shorts_of(const struct machine *m, uint32_t index, uint32_t compare)
{
    uint32_t shorts = *at(m, index, NRF_SHORTS);

    return kinds[index].is_rtc ? 0 : (shorts >> compare & SHORTED_CLEAR) | ((shorts >> (compare + SHORT_STOP) & 1u) << 1);
}

static bool matters(const struct machine *m, uint32_t index, uint32_t offset)
{
    return nrf_event_matters((struct machine *)(uintptr_t)m, kinds[index].peripheral, offset);
}

static uint64_t earliest(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

/* The next tick with an event of this counter; `all`: also those that nobody would notice. */
static uint64_t next_event_tick(const struct machine *m, uint32_t index, bool all)
{
    uint64_t tick = NEVER;

    for (uint32_t compare = 0; compare < kinds[index].compares; compare++) {
        if (all || shorts_of(m, index, compare) != 0 || matters(m, index, EVENT_COMPARE + 4 * compare)) {
            tick = earliest(tick, compare_tick(m, index, compare));
        }
    }
    if (kinds[index].is_rtc && (all || matters(m, index, EVENT_OVERFLOW))) {
        tick = earliest(tick, next_tick(m, index, 0));
    }
    if (kinds[index].is_rtc && matters(m, index, EVENT_TICK)) {
        tick = earliest(tick, m->nrf.counters[index].seen_ticks + 1);
    }
    return tick;
}

bool nrf_counter_next(const struct machine *m, uint64_t *fs)
{
    *fs = NEVER;
    for (uint32_t index = 0; index < NRF_COUNTERS; index++) {
        const struct nrf_counter *counter = &m->nrf.counters[index];
        uint64_t tick = counts(m, index) ? next_event_tick(m, index, false) : NEVER;

        if (tick != NEVER) {
            *fs = earliest(*fs, clock_after(counter->base_fs, tick - counter->base_ticks, tick_fs(m, index)));
        }
    }
    return *fs != NEVER;
}

static void happen(struct machine *m, uint32_t index, uint64_t tick)
{
    uint32_t peripheral = kinds[index].peripheral;
    uint32_t shorts = 0;

    m->bus.storage_used = true;
    for (uint32_t compare = 0; compare < kinds[index].compares; compare++) {
        if (*at(m, index, REGISTER_CC + 4 * compare) % modulus(m, index) == tick % modulus(m, index)) {
            shorts |= shorts_of(m, index, compare);
            nrf_event(m, peripheral, EVENT_COMPARE + 4 * compare);
        }
    }
    if (kinds[index].is_rtc && tick % modulus(m, index) == 0) {
        nrf_event(m, peripheral, EVENT_OVERFLOW);
    }
    if (kinds[index].is_rtc && matters(m, index, EVENT_TICK)) {
        nrf_event(m, peripheral, EVENT_TICK);
    }
    if ((shorts & SHORTED_CLEAR) != 0) {
        struct nrf_counter *counter = &m->nrf.counters[index];

        counter->base_fs += (tick - counter->base_ticks) * tick_fs(m, index);
        counter->base_ticks = 0;
        counter->seen_ticks = 0;
    }
    if ((shorts & SHORTED_STOP) != 0) {
        stop(m, index);
    }
}

void nrf_counter_run(struct machine *m)
{
    for (uint32_t index = 0; index < NRF_COUNTERS; index++) {
        while (counts(m, index) && !m->ended) {
            uint64_t tick = next_event_tick(m, index, true);

            if (tick > ticks(m, index)) {
                break;
            }
            m->nrf.counters[index].seen_ticks = tick;
            happen(m, index, tick);
        }
    }
}
