/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Virtual time. The core's work is counted in half-cycles, the sum of the low and the high end of its cycles, so that the
 * middle of that range stays an integer. Time is a linear function of the work between rebases, in femtoseconds so that
 * 1/72 MHz stays exact to 1e-7. A rebase happens when the core clock or the wait states change and when the core stalls or
 * sleeps. Wait states of the flash are in the upper end of the range only, never in the time that timers count.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

#include "cycles.h"

struct machine;

#define FEMTOSECONDS_PER_PICOSECOND 1000u

struct clock {
    struct cycle_count base;   /* the core's work at the last rebase */
    uint64_t base_fs;
    uint64_t base_half_cycles; /* work and stalls until then */
    uint64_t below_fs;         /* how far the earliest time lay below base_fs, */
    uint64_t above_fs;         /* and the latest above it */
    uint64_t waited_cycles;    /* wait states in the upper end until then */
    uint64_t half_cycle_fs;
    uint32_t core_hz;
    uint32_t wait_states;      /* of one access to the flash */
};

/*
 * The furthest moment that a timer waits for: 64 bits of femtoseconds hold twice as much, 5 hours, so that no sum with it overflows.
 */
#define CLOCK_FAR_FS (UINT64_MAX / 2)

/* `count` ticks of `tick_fs` after `now_fs`, no later than `CLOCK_FAR_FS`. */
static inline uint64_t clock_after(uint64_t now_fs, uint64_t count, uint64_t tick_fs)
{
    if (now_fs >= CLOCK_FAR_FS || count > (CLOCK_FAR_FS - now_fs) / tick_fs) {
        return CLOCK_FAR_FS;
    }
    return now_fs + count * tick_fs;
}

struct clock_range {
    uint64_t low;
    uint64_t high;
};

/* Time zero, running from the internal oscillator. */
void clock_reset(struct machine *m);

/* Time since reset after `instructions` instructions. */
uint64_t clock_fs(const struct machine *m, uint64_t instructions);

/* Earliest and latest time since reset after `instructions` instructions. */
struct clock_range clock_fs_range(const struct machine *m, uint64_t instructions);

/* Core cycles since reset after `instructions` instructions, stalls included. */
uint64_t clock_cycles(const struct machine *m, uint64_t instructions);

/* Fewest and most core cycles since reset after `instructions` instructions, stalls included. */
struct clock_range clock_cycles_range(const struct machine *m, uint64_t instructions);

/* Work of the core at which the time is `fs`, rounded up; compare with `m->cycles.low + m->cycles.high`. */
uint64_t clock_work_at(const struct machine *m, uint64_t fs);

/* Work of the core at which `cycles` core cycles have passed. */
uint64_t clock_work_at_cycle(const struct machine *m, uint64_t cycles);

/* Count time from `instructions` on, at the rate of now: nothing that can be seen changes. */
void clock_rebase(struct machine *m, uint64_t instructions);

/* What passed between two clocks, both rebased. */
struct clock clock_difference(const struct clock *before, const struct clock *after);

/* A call of `instructions` instructions and `cycles` was not executed; `passed` holds what it would have added. */
void clock_advance(struct machine *m, const struct clock *passed, struct cycle_count cycles, uint64_t instructions);

/* The core runs at `core_hz` from now on. */
void clock_set_core(struct machine *m, uint64_t instructions, uint32_t core_hz);

/* An access to the flash takes up to `wait_states` cycles more from now on. */
void clock_set_wait_states(struct machine *m, uint64_t instructions, uint32_t wait_states);

/* No instruction executes until `fs`; does nothing when that is past. */
void clock_stall_until(struct machine *m, uint64_t instructions, uint64_t fs);

/* No instruction executes until core cycle `cycles`; does nothing when that is past. */
void clock_stall_until_cycle(struct machine *m, uint64_t instructions, uint64_t cycles);

#endif
