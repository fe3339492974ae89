/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#define SEV 0xBF40u
#define WFE_BYTES 2u
#define EVENTS_ASLEEP_MAX 100000u /* more events than that without waking: it never wakes */

static void end_asleep(struct machine *m, uint32_t pc, uint64_t instructions, const char *how)
{
    if (m->iwdg.running) {
        clock_stall_until(m, instructions, m->iwdg.deadline_fs);
        machine_end(m, END_WATCHDOG, pc, instructions, "%s ran out during %s", m->chip->watchdog_name, how);
    } else if (!fault_end(m, instructions)) {
        machine_end(m, END_SLEEPING, pc, instructions, "%s", how);
    }
}

void sleep_idle(struct machine *m, uint32_t pc)
{
    uint64_t cycle;
    uint64_t fs;

    /* With every interrupt masked, nothing but the watchdog gets out: the loop does not change the masks. */
    if (exception_heard(m) && (exception_any(m) || systick_next_interrupt(m, &cycle) || machine_next_event(m, &fs))) {
        return;
    }
    if (m->iwdg.running) {
        uint64_t left = m->instructions < m->instruction_budget ? m->instruction_budget - m->instructions : 0;
        uint64_t work = clock_work_at(m, m->iwdg.deadline_fs) - (m->cycles.low + m->cycles.high);
        uint64_t once = code_half_cycles(m, pc);
        uint64_t rounds = (int64_t)work > 0 ? (work + once - 1) / once : 0;

        code_spin(m, pc, rounds < left ? rounds : left);
        if (rounds > left) {
            machine_end(m, END_BUDGET, pc, m->instructions, "branch to itself");
            return;
        }
    }
    end_asleep(m, pc, m->instructions, "a branch to itself");
}

/* Let time pass to whichever comes first. Returns false where nothing comes, or the watchdog does. */
static bool pass_time(struct machine *m, uint32_t pc, uint64_t now)
{
    uint64_t cycle;
    uint64_t fs;
    bool tick = systick_next_interrupt(m, &cycle);
    bool event = machine_next_event(m, &fs);
    uint64_t settled_fs = m->domain_log.settled_fs;

    if (!tick && !event) {
        end_asleep(m, pc, now, "WFI or WFE");
        return false;
    }
    if (settled_fs != 0 && (!event || settled_fs <= fs) &&
        (!tick || clock_work_at(m, settled_fs) <= clock_work_at_cycle(m, cycle))) {
        clock_stall_until(m, now, settled_fs);
    } else if (tick && (!event || clock_work_at_cycle(m, cycle) <= clock_work_at(m, fs))) {
        clock_stall_until_cycle(m, now, cycle);
    } else {
        clock_stall_until(m, now, fs);
    }
    if (m->iwdg.running && clock_fs(m, now) >= m->iwdg.deadline_fs) {
        machine_end(m, END_WATCHDOG, pc, now, "%s ran out during WFI or WFE", m->chip->watchdog_name);
        return false;
    }
    if (domain_settled(m, now)) {
        machine_end(m, END_SETTLED, pc, now, "%s", "");
        return false;
    }
    if (tick) {
        systick_advance(m, now);
    }
    if (event) {
        machine_run_events(m);
    }
    return !m->ended;
}

/* The core has retired everything up to `pc` and executes nothing until something is pending. */
static void fall_asleep(struct machine *m, uint32_t pc, bool wakes_on_event)
{
    uint64_t now = m->instructions + m->block_instructions;

    waiting_disturb(m);
    memo_disturb(m);
    if (exception_any(m)) {
        return;
    }
    code_retire_block(m);
    for (uint32_t events = 0; !exception_any(m) && !(wakes_on_event && m->exception.event); events++) {
        if (events == EVENTS_ASLEEP_MAX) {
            end_asleep(m, pc, now, "WFI or WFE");
        }
        if (m->ended || !pass_time(m, pc, now)) {
            return;
        }
    }
}

void sleep_for_interrupt(struct machine *m, uint32_t pc)
{
    fall_asleep(m, pc, false);
}

/* Unicorn executes SEV as nothing: whether one came before, the code of the block tells. */
static bool block_signals(const struct machine *m, uint32_t pc)
{
    uint32_t limit;
    const uint8_t *bytes = code_bytes(m, m->block_address, &limit);
    uint32_t length = pc - m->block_address;

    if (bytes == NULL || length > limit) {
        return false;
    }
    for (uint32_t offset = 0; offset + WFE_BYTES < length;) {
        uint16_t halfword = (uint16_t)(bytes[offset] | bytes[offset + 1] << 8);

        if (halfword == SEV) {
            return true;
        }
        offset += code_instruction_bytes(halfword);
    }
    return false;
}

void sleep_for_event(struct machine *m, uint32_t pc)
{
    if (!m->exception.event && !block_signals(m, pc)) {
        fall_asleep(m, pc, true);
    }
    m->exception.event = false;
}
