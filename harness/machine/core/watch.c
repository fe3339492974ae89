/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "watch.h"

#include "machine.h"

void watch_reset(struct machine *m)
{
    m->watch = (struct watch){.return_pc = WATCH_NOTHING};
}

bool watch_wants(const struct machine *m, uint32_t pc)
{
    return pc == m->config.watched_address || pc == m->watch.return_pc;
}

static uint32_t core_register(const struct machine *m, int identifier)
{
    uint32_t value = 0;

    uc_reg_read(m->engine, identifier, &value);
    return value;
}

static void begin(struct machine *m)
{
    struct watch *watch = &m->watch;
    struct clock_range range_fs = clock_fs_range(m, m->instructions);

    watch->return_pc = core_register(m, UC_ARM_REG_LR) & ~1u;
    watch->stack = core_register(m, UC_ARM_REG_SP);
    watch->begin_fs = clock_fs(m, m->instructions);
    watch->begin_low_fs = range_fs.low;
    watch->begin_high_fs = range_fs.high;
    code_forget_count(m, watch->return_pc);
}

static void end(struct machine *m)
{
    struct watch *watch = &m->watch;
    struct clock_range range_fs = clock_fs_range(m, m->instructions);

    watch->total.calls++;
    watch->total.time_ps += (clock_fs(m, m->instructions) - watch->begin_fs) / FEMTOSECONDS_PER_PICOSECOND;
    watch->total.time_low_ps += (range_fs.low - watch->begin_low_fs) / FEMTOSECONDS_PER_PICOSECOND;
    watch->total.time_high_ps += (range_fs.high - watch->begin_high_fs) / FEMTOSECONDS_PER_PICOSECOND;
    watch->return_pc = WATCH_NOTHING;
}

void watch_see(struct machine *m, uint32_t pc)
{
    memo_disturb(m); /* a call around this one would hide it */
    if (m->watch.return_pc == WATCH_NOTHING) {
        begin(m);
    } else if (pc == m->watch.return_pc && core_register(m, UC_ARM_REG_SP) == m->watch.stack) {
        end(m);
    }
}
