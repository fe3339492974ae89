/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#define REGISTER_RUNSTATUS 0x400u
#define REGISTER_REQSTATUS 0x404u
#define REGISTER_CRV 0x504u
#define REGISTER_RREN 0x508u
#define REGISTER_CONFIG 0x50Cu
#define REGISTER_RR 0x600u
#define RELOAD_REQUESTS 8u
#define RELOAD_VALUE 0x6E524635u
#define TICK_FS 30517578125u
#define CRV_AFTER_RESET 0xFFFFFFFFu
#define CRV_MIN 15u

static uint32_t *at(struct machine *m, uint32_t offset)
{
    return nrf_register(m, NRF_WDT, offset);
}

static void reload(struct machine *m)
{
    uint64_t value = *at(m, REGISTER_CRV) < CRV_MIN ? CRV_MIN : *at(m, REGISTER_CRV);

    m->nrf.reload_requests = *at(m, REGISTER_RREN);
    *at(m, REGISTER_REQSTATUS) = m->nrf.reload_requests;
    m->iwdg.fed_fs = clock_fs(m, m->instructions);
    m->iwdg.deadline_fs = clock_after(m->iwdg.fed_fs, value + 1, TICK_FS);
    machine_schedule(m);
}

static uint64_t wide(const uint32_t *words)
{
    return (uint64_t)words[1] << 32 | words[0];
}

static void split(uint64_t value, uint32_t *words)
{
    words[0] = (uint32_t)value;
    words[1] = (uint32_t)(value >> 32);
}

void nrf_watchdog_retain(const struct machine *m, uint32_t *retained)
{
    struct machine *readable = (struct machine *)(uintptr_t)m;
    uint64_t now_fs = clock_fs(m, m->end_instructions);

    retained[0] = m->iwdg.running;
    retained[1] = *at(readable, REGISTER_CRV);
    retained[2] = *at(readable, REGISTER_RREN);
    retained[3] = *at(readable, REGISTER_CONFIG);
    split(m->iwdg.running ? now_fs - m->iwdg.fed_fs : 0, retained + 4);
    split(m->iwdg.running && m->iwdg.deadline_fs > now_fs ? m->iwdg.deadline_fs - now_fs : 0, retained + 6);
    retained[8] = m->nrf.reload_requests;
}

/* The counter was fed before this boot began: before time 0, in arithmetic modulo 2^64. */
static void run_on(struct machine *m, const uint32_t *retained)
{
    m->bus.storage_used = true;
    m->iwdg.running = true;
    m->iwdg.fed_fs = 0 - wide(retained + 4);
    m->iwdg.deadline_fs = wide(retained + 6);
    m->nrf.reload_requests = retained[8];
    *at(m, REGISTER_CRV) = retained[1];
    *at(m, REGISTER_RREN) = retained[2];
    *at(m, REGISTER_CONFIG) = retained[3];
    *at(m, REGISTER_REQSTATUS) = retained[8];
    *at(m, REGISTER_RUNSTATUS) = 1;
}

void nrf_watchdog_reset(struct machine *m, const uint32_t *retained)
{
    m->iwdg = (struct iwdg){0};
    if (retained != NULL && retained[0] != 0) {
        run_on(m, retained);
        return;
    }
    *at(m, REGISTER_CRV) = CRV_AFTER_RESET;
    *at(m, REGISTER_RREN) = 1;
    *at(m, REGISTER_CONFIG) = 1;
    *at(m, REGISTER_REQSTATUS) = 1;
}

void nrf_watchdog_start(struct machine *m)
{
    if (!m->iwdg.running) {
        m->iwdg.running = true;
        *at(m, REGISTER_RUNSTATUS) = 1;
        reload(m);
    }
}

bool nrf_watchdog_write(struct machine *m, uint32_t offset, uint32_t value)
{
    uint32_t request = (offset - REGISTER_RR) / 4;

    if (offset >= REGISTER_RR && request < RELOAD_REQUESTS) {
        if (value == RELOAD_VALUE && m->iwdg.running) {
            m->nrf.reload_requests &= ~(UINT32_C(1) << request);
            *at(m, REGISTER_REQSTATUS) = m->nrf.reload_requests;
            if (m->nrf.reload_requests == 0) {
                iwdg_note_feeding(m);
                reload(m);
            }
        }
        return value == RELOAD_VALUE;
    }
    if (!m->iwdg.running && (offset == REGISTER_CRV || offset == REGISTER_RREN || offset == REGISTER_CONFIG)) {
        *at(m, offset) = value; /* locked while it runs */
    }
    return false;
}
