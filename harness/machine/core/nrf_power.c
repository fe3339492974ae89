/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#define TASK_HFCLKSTART 0x00u
#define TASK_HFCLKSTOP 0x04u
#define TASK_LFCLKSTART 0x08u
#define TASK_LFCLKSTOP 0x0Cu
#define EVENT_HFCLKSTARTED 0x100u
#define EVENT_LFCLKSTARTED 0x104u
#define REGISTER_RESETREAS 0x400u
#define REGISTER_HFCLKRUN 0x408u
#define REGISTER_HFCLKSTAT 0x40Cu
#define REGISTER_LFCLKRUN 0x414u
#define REGISTER_LFCLKSTAT 0x418u
#define REGISTER_LFCLKSRCCOPY 0x41Cu
#define REGISTER_SYSTEMOFF 0x500u
#define REGISTER_GPREGRET 0x51Cu
#define REGISTER_GPREGRET2 0x520u
#define GPREGRET_VALUE 0xFFu
#define RESETREAS_DOG 0x2u
#define RESETREAS_SREQ 0x4u
#define RESETREAS_LOCKUP 0x8u
#define REGISTER_LFCLKSRC 0x518u
#define CLOCK_RUNS 0x10000u
#define CLOCK_SOURCE 0x3u
#define SOURCE_CRYSTAL 1u
#define MICROSECOND_FS 1000000000u

static uint32_t *power(struct machine *m, uint32_t offset)
{
    return nrf_register(m, NRF_POWER, offset);
}

/* A clock that runs from another source goes on until the new one has started (PS 5.4.2): drivers start RC, then the crystal. */
static void start_low_clock(struct machine *m)
{
    uint32_t source = *power(m, REGISTER_LFCLKSRC) & CLOCK_SOURCE;
    uint32_t start_us = source == SOURCE_CRYSTAL ? m->chip->nrf->low_crystal_start_us : m->chip->nrf->low_start_us;
    bool under_way = m->nrf.low_clock_fs != 0 && (*power(m, REGISTER_LFCLKSRCCOPY) & CLOCK_SOURCE) == source;
    bool runs = m->nrf.low_clock_runs && (*power(m, REGISTER_LFCLKSTAT) & CLOCK_SOURCE) == source;

    *power(m, REGISTER_LFCLKRUN) = 1;
    *power(m, REGISTER_LFCLKSRCCOPY) = *power(m, REGISTER_LFCLKSRC);
    if (!under_way && !runs) {
        m->nrf.low_clock_fs = clock_fs(m, m->instructions) + (uint64_t)start_us * MICROSECOND_FS;
    }
}

void nrf_power_task(struct machine *m, uint32_t offset)
{
    switch (offset) {
    case TASK_HFCLKSTART:
        *power(m, REGISTER_HFCLKRUN) = 1;
        m->nrf.high_clock_fs = clock_fs(m, m->instructions) + (uint64_t)m->chip->nrf->crystal_start_us * MICROSECOND_FS;
        break;
    case TASK_HFCLKSTOP:
        *power(m, REGISTER_HFCLKRUN) = 0;
        *power(m, REGISTER_HFCLKSTAT) = CLOCK_RUNS;
        m->nrf.high_clock_fs = 0;
        break;
    case TASK_LFCLKSTART:
        start_low_clock(m);
        break;
    case TASK_LFCLKSTOP:
        nrf_counter_hold(m);
        *power(m, REGISTER_LFCLKRUN) = 0;
        *power(m, REGISTER_LFCLKSTAT) = 0;
        m->nrf.low_clock_runs = false;
        m->nrf.low_clock_fs = 0;
        break;
    default:
        break;
    }
    machine_schedule(m);
}

void nrf_power_run(struct machine *m)
{
    uint64_t now_fs = clock_fs(m, m->instructions);

    if (m->nrf.high_clock_fs != 0 && now_fs >= m->nrf.high_clock_fs) {
        m->nrf.high_clock_fs = 0;
        *power(m, REGISTER_HFCLKSTAT) = CLOCK_RUNS | SOURCE_CRYSTAL;
        nrf_event(m, NRF_POWER, EVENT_HFCLKSTARTED);
    }
    if (m->nrf.low_clock_fs != 0 && now_fs >= m->nrf.low_clock_fs) {
        m->nrf.low_clock_fs = 0;
        *power(m, REGISTER_LFCLKSTAT) = CLOCK_RUNS | (*power(m, REGISTER_LFCLKSRCCOPY) & CLOCK_SOURCE);
        if (!m->nrf.low_clock_runs) {
            m->nrf.low_clock_runs = true;
            nrf_counter_release(m);
        }
        nrf_event(m, NRF_POWER, EVENT_LFCLKSTARTED);
    }
}

void nrf_power_write(struct machine *m, uint32_t offset, uint32_t value)
{
    if (offset == REGISTER_RESETREAS) {
        *power(m, offset) &= ~value;
    } else if (offset == REGISTER_GPREGRET || offset == REGISTER_GPREGRET2) {
        *power(m, offset) = value & GPREGRET_VALUE;
    } else if (offset == REGISTER_SYSTEMOFF) {
        if (value == 1) {
            machine_end(m, END_SLEEPING, m->block_address, m->instructions, "System OFF");
        }
    } else if (offset < REGISTER_RESETREAS || offset > REGISTER_LFCLKSRCCOPY) {
        *power(m, offset) = value;
    }
}

static const uint32_t retained_registers[NRF_POWER_RETAINED_WORDS] = {REGISTER_RESETREAS, REGISTER_GPREGRET, REGISTER_GPREGRET2};

bool nrf_power_retain(const struct machine *m, struct retained *retained)
{
    static const uint32_t causes[] = {
        [END_RESET] = RESETREAS_SREQ, [END_WATCHDOG] = RESETREAS_DOG, [END_LOCKUP] = RESETREAS_LOCKUP};
    struct machine *readable = (struct machine *)(uintptr_t)m;
    uint32_t cause = m->end <= END_LOCKUP ? causes[m->end] : 0;

    retained->restarts = cause != 0;
    retained->keeps_ram = cause != 0 && cause != RESETREAS_DOG;
    retained->words[0] = *power(readable, REGISTER_RESETREAS) | cause;
    if (retained->keeps_ram) {
        retained->words[1] = *power(readable, REGISTER_GPREGRET);
        retained->words[2] = *power(readable, REGISTER_GPREGRET2);
    }
    return retained->keeps_ram != 0;
}

void nrf_power_reset(struct machine *m, const uint32_t *words)
{
    for (uint32_t index = 0; words != NULL && index < NRF_POWER_RETAINED_WORDS; index++) {
        m->bus.storage_used = true;
        *power(m, retained_registers[index]) = words[index];
    }
    *power(m, REGISTER_HFCLKSTAT) = CLOCK_RUNS;
}

bool nrf_power_next(const struct machine *m, uint64_t *fs)
{
    const uint64_t clocks[2] = {m->nrf.high_clock_fs, m->nrf.low_clock_fs};
    bool found = false;

    for (uint32_t index = 0; index < 2; index++) {
        if (clocks[index] != 0 && (!found || clocks[index] < *fs)) {
            *fs = clocks[index];
            found = true;
        }
    }
    return found;
}
