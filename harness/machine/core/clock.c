/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#define FEMTOSECONDS_PER_SECOND 1000000000000000u
#define FEMTOSECONDS_PER_NANOSECOND 1000000u

static uint64_t work_of(struct cycle_count cycles)
{
    return cycles.low + cycles.high;
}

static uint64_t work_at(const struct machine *m, uint64_t instructions)
{
    return work_of(code_cycles_at(m, instructions));
}

static uint64_t spread_since(const struct clock *clock, struct cycle_count cycles)
{
    return (cycles.high - cycles.low) - (clock->base.high - clock->base.low);
}

static uint64_t waited_since(const struct clock *clock, struct cycle_count cycles)
{
    return (cycles.waits - clock->base.waits) * clock->wait_states;
}

void clock_rebase(struct machine *m, uint64_t instructions)
{
    struct clock *clock = &m->clock;
    struct cycle_count cycles = code_cycles_at(m, instructions);
    uint64_t passed = work_of(cycles) - work_of(clock->base);
    uint64_t spread_fs = spread_since(clock, cycles) * clock->half_cycle_fs;
    uint64_t waited = waited_since(clock, cycles);

    clock->base_fs += passed * clock->half_cycle_fs;
    clock->below_fs += spread_fs;
    clock->above_fs += spread_fs + waited * 2 * clock->half_cycle_fs;
    clock->base_half_cycles += passed;
    clock->waited_cycles += waited;
    clock->base = cycles;
}

struct clock clock_difference(const struct clock *before, const struct clock *after)
{
    struct clock difference = *after;

    difference.base_fs -= before->base_fs;
    difference.base_half_cycles -= before->base_half_cycles;
    difference.below_fs -= before->below_fs;
    difference.above_fs -= before->above_fs;
    difference.waited_cycles -= before->waited_cycles;
    return difference;
}

void clock_advance(struct machine *m, const struct clock *passed, struct cycle_count cycles, uint64_t instructions)
{
    struct clock *clock = &m->clock;

    clock_rebase(m, m->instructions);
    m->instructions += instructions;
    m->cycles.low += cycles.low;
    m->cycles.high += cycles.high;
    m->cycles.waits += cycles.waits;
    m->code.inside_instructions = UINT64_MAX;
    clock->base = m->cycles;
    clock->base_fs += passed->base_fs;
    clock->base_half_cycles += passed->base_half_cycles;
    clock->below_fs += passed->below_fs;
    clock->above_fs += passed->above_fs;
    clock->waited_cycles += passed->waited_cycles;
}

static void set_rate(struct machine *m, uint32_t core_hz)
{
    m->clock.core_hz = core_hz;
    m->clock.half_cycle_fs = FEMTOSECONDS_PER_SECOND / 2 / core_hz;
}

void clock_reset(struct machine *m)
{
    m->clock = (struct clock){.wait_states = m->config.flash_wait_states};
    m->cycles = (struct cycle_count){0};
    m->block_cycles = (struct cycle_count){0};
    m->code.inside_instructions = UINT64_MAX;
    set_rate(m, m->config.hsi_hz);
}

uint64_t clock_fs(const struct machine *m, uint64_t instructions)
{
    return m->clock.base_fs + (work_at(m, instructions) - work_of(m->clock.base)) * m->clock.half_cycle_fs;
}

struct clock_range clock_fs_range(const struct machine *m, uint64_t instructions)
{
    const struct clock *clock = &m->clock;
    struct cycle_count cycles = code_cycles_at(m, instructions);
    uint64_t middle_fs = clock_fs(m, instructions);
    uint64_t spread_fs = spread_since(clock, cycles) * clock->half_cycle_fs;
    uint64_t waited_fs = waited_since(clock, cycles) * 2 * clock->half_cycle_fs;

    return (struct clock_range){middle_fs - clock->below_fs - spread_fs, middle_fs + clock->above_fs + spread_fs + waited_fs};
}

static uint64_t half_cycles(const struct machine *m, uint64_t instructions)
{
    return m->clock.base_half_cycles + work_at(m, instructions) - work_of(m->clock.base);
}

uint64_t clock_cycles(const struct machine *m, uint64_t instructions)
{
    return half_cycles(m, instructions) / 2;
}

struct clock_range clock_cycles_range(const struct machine *m, uint64_t instructions)
{
    struct cycle_count cycles = code_cycles_at(m, instructions);
    uint64_t stalled = (half_cycles(m, instructions) - work_of(cycles)) / 2;

    return (struct clock_range){stalled + cycles.low,
                                stalled + cycles.high + m->clock.waited_cycles + waited_since(&m->clock, cycles)};
}

uint64_t clock_work_at(const struct machine *m, uint64_t fs)
{
    const struct clock *clock = &m->clock;

    if (fs <= clock->base_fs) {
        return work_of(clock->base);
    }
    return work_of(clock->base) + (fs - clock->base_fs + clock->half_cycle_fs - 1) / clock->half_cycle_fs;
}

uint64_t clock_work_at_cycle(const struct machine *m, uint64_t cycles)
{
    const struct clock *clock = &m->clock;

    if (cycles * 2 <= clock->base_half_cycles) {
        return work_of(clock->base);
    }
    return work_of(clock->base) + cycles * 2 - clock->base_half_cycles;
}

void clock_set_core(struct machine *m, uint64_t instructions, uint32_t core_hz)
{
    memo_disturb(m);
    clock_rebase(m, instructions);
    set_rate(m, core_hz);
}

void clock_set_wait_states(struct machine *m, uint64_t instructions, uint32_t wait_states)
{
    memo_disturb(m);
    clock_rebase(m, instructions);
    m->clock.wait_states = wait_states;
}

void clock_stall_until(struct machine *m, uint64_t instructions, uint64_t fs)
{
    struct clock *clock = &m->clock;

    clock_rebase(m, instructions);
    if (fs > clock->base_fs) {
        uint64_t stalled_ns = (fs - clock->base_fs) / FEMTOSECONDS_PER_NANOSECOND;

        clock->base_half_cycles += stalled_ns * clock->core_hz / 500000000u;
        clock->base_fs = fs;
    }
}

void clock_stall_until_cycle(struct machine *m, uint64_t instructions, uint64_t cycles)
{
    struct clock *clock = &m->clock;

    clock_rebase(m, instructions);
    if (cycles * 2 > clock->base_half_cycles) {
        uint64_t stalled = cycles * 2 - clock->base_half_cycles;

        clock->base_fs += stalled * clock->half_cycle_fs;
        clock->base_half_cycles += stalled;
    }
}
