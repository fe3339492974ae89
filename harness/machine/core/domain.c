/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#define DOMAIN_UNKNOWN (-2)

static uint32_t to_main(const struct machine *m, uint32_t address)
{
    if (address - m->config.flash_alias_address < m->config.flash_bytes) {
        return address - m->config.flash_alias_address + m->config.flash_address;
    }
    return address;
}

void domain_reset(struct machine *m)
{
    m->domain_log.count = 0;
    m->domain_log.current = DOMAIN_UNKNOWN;
    m->domain_log.settled_fs = 0;
    m->domain_start = 0;
    m->domain_span = 0;
}

int32_t domain_of(const struct machine *m, uint32_t pc)
{
    uint32_t address = to_main(m, pc);

    for (uint32_t index = 0; index < m->config.domain_count; index++) {
        if (address - m->config.domains[index].address < m->config.domains[index].size_bytes) {
            return (int32_t)index;
        }
    }
    return DOMAIN_NONE;
}

/*
 * The range around `pc` in which no change of domain can happen: its domain, or outside of all domains its page, if no
 * domain reaches into that.
 */
static void cache_range(struct machine *m, uint32_t pc, int32_t domain)
{
    const struct machine_config *config = &m->config;
    uint32_t moved = to_main(m, pc) - pc;

    if (domain != DOMAIN_NONE) {
        m->domain_start = config->domains[domain].address - moved;
        m->domain_span = config->domains[domain].size_bytes;
        return;
    }
    m->domain_start = pc & ~(config->page_bytes - 1);
    m->domain_span = config->page_bytes;
    for (uint32_t index = 0; index < config->domain_count; index++) {
        uint32_t start = config->domains[index].address - moved;

        if (start - m->domain_start < config->page_bytes ||
            m->domain_start - start < config->domains[index].size_bytes) {
            m->domain_span = 0;
        }
    }
}

/* The first entry of a domain that settles starts the time after which the boot ends. */
static void start_settling(struct machine *m, int32_t domain)
{
    uint64_t after_ps = domain == DOMAIN_NONE ? 0 : m->config.domains[domain].settles_after_ps;

    if (after_ps != 0 && m->domain_log.settled_fs == 0) {
        m->domain_log.settled_fs = clock_fs(m, m->instructions) + after_ps * FEMTOSECONDS_PER_PICOSECOND;
        machine_schedule(m);
    }
}

bool domain_settled(const struct machine *m, uint64_t instructions)
{
    return m->domain_log.settled_fs != 0 && clock_fs(m, instructions) >= m->domain_log.settled_fs;
}

void domain_add(struct machine *m, const struct domain_entry *entry, const struct domain_moment *moment)
{
    struct domain_log *log = &m->domain_log;

    log->moments[log->count] = *moment;
    log->entries[log->count] = *entry;
    log->entries[log->count].time_ps = moment->fs / FEMTOSECONDS_PER_PICOSECOND;
    log->entries[log->count].time_low_ps = moment->low_fs / FEMTOSECONDS_PER_PICOSECOND;
    log->entries[log->count].time_high_ps = moment->high_fs / FEMTOSECONDS_PER_PICOSECOND;
    log->count++;
}

void domain_cross(struct machine *m, uint32_t pc)
{
    struct domain_log *log = &m->domain_log;
    int32_t domain = domain_of(m, pc);
    uint32_t stack_pointer = 0;
    struct clock_range time_fs;
    struct domain_entry entry;

    memo_disturb(m);
    cache_range(m, pc, domain);
    if (domain == log->current) {
        return;
    }
    log->current = domain;
    start_settling(m, domain);
    if (log->count == DOMAIN_ENTRIES_MAX) {
        machine_end(m, END_BUDGET, pc, m->instructions, "entry log full: %u changes of domain", DOMAIN_ENTRIES_MAX);
        return;
    }
    uc_reg_read(m->engine, UC_ARM_REG_SP, &stack_pointer);
    time_fs = clock_fs_range(m, m->instructions);
    entry = (struct domain_entry){.pc = to_main(m, pc), .operations = m->log.count, .domain = domain, .stack_pointer = stack_pointer};
    domain_add(m, &entry, &(struct domain_moment){clock_fs(m, m->instructions), time_fs.low, time_fs.high});
}
